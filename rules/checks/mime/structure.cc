// The tree of MIME parts: alternatives that lack a side, texts that hide behind encodings,
// attachments that do not say so.
#include <array>

#include "rules/checks/check.h"
#include "rules/checks/mime/reader_text.h"
#include "rules/checks/row.h"
#include "rules/checks/text.h"

namespace winnow {

namespace {

enum Sym : uint32_t {
  kMaNoHtml,
  kMaNoText,
  kHtmlOnly,
  kBase64Text,
  kBase64Bogus,
  kHasAttachment,
  kNoDisposition,
  kMixedBogus,
  kBadCte7bit,
  kNoCharset,
  kBrokenType,
  kCount
};

constexpr std::array<SymbolDecl, kCount> kSymbols{{
    {"MIME_MA_MISSING_HTML", "headers", 1, "multipart/alternative without HTML."},
    {"MIME_MA_MISSING_TEXT", "headers", 2, "multipart/alternative without plain text."},
    {"MIME_HTML_ONLY", "headers", 0.2, "HTML without a plain text beside it.", true},
    {"MIME_BASE64_TEXT", "mime", 0.1, "A text is encoded in base64."},
    {"MIME_BASE64_TEXT_BOGUS", "mime", 1, "A text of ASCII alone is encoded in base64."},
    {"HAS_ATTACHMENT", "body", 0, "Has an attachment."},
    {"CTYPE_MISSING_DISPOSITION", "mime", 4, "A binary part that is not called an attachment."},
    {"CTYPE_MIXED_BOGUS", "mime", 1, "multipart/mixed with nothing but inline text."},
    {"R_BAD_CTE_7BIT", "headers", 3.5, "A text declared 7bit has bytes over 127."},
    {"R_MISSING_CHARSET", "headers", 0.5, "Plain text without a charset.", true},
    {"BROKEN_CONTENT_TYPE", "headers", 1.5, "A Content-Type cannot be read."},
}};

bool has(const Part& part, PartFlag flag) { return part.flags & static_cast<uint16_t>(flag); }
bool is_attachment(const Part& part) { return has(part, PartFlag::kAttachment); }
// What only another reading of a broken structure has stands beside nothing.
bool is_shown_text(const Part& part) {
  return is_reader_text(part) && !is_attachment(part) && !has(part, PartFlag::kSecondReading);
}

// Whether an ancestor multipart/alternative holds a plain text.
bool has_plain_sibling(std::span<const Part> parts, uint32_t html) {
  for (uint32_t up = parts[html].parent; up != kNoIndex; up = parts[up].parent) {
    if (parts[up].subtype != "alternative") continue;
    for (uint32_t i = up + 1; i < parts.size() && parts[i].depth > parts[up].depth; ++i)
      if (parts[i].kind == PartKind::kText && is_shown_text(parts[i])) return true;
  }
  return false;
}

// Whether the letter is HTML alone: the first text is, and no alternative to it is plain. A plain
// text below it is a list's footer, as rspamd has it.
bool is_html_only(std::span<const Part> parts) {
  for (uint32_t i = 0; i < parts.size(); ++i) {
    if (!is_shown_text(parts[i])) continue;
    if (parts[i].kind == PartKind::kText) return false;
    if (!has(parts[i], PartFlag::kVirtual)) return !has_plain_sibling(parts, i);
  }
  return false;
}

void texts(const CheckPlan& plan, Batch& batch, uint32_t row) {
  const std::span<const Part> parts = batch.parts.row(row);
  bool seven_bit = false, no_charset = false, bad_cte = false;
  bool base64 = false, base64_bogus = false;
  for (const Part& part : parts) {
    if (has(part, PartFlag::kTypeBroken)) insert(plan, batch, row, kBrokenType);
    if (!is_reader_text(part) || has(part, PartFlag::kVirtual)) continue;
    // A file that is HTML by its bytes was no text to who encoded it.
    if (part.encoding == TransferEncoding::kBase64 && part.type == "text") {
      base64 = true;
      base64_bogus |= is_prose(part) && !part.decoded.empty() && !has_8bit(part.decoded);
    }
    seven_bit |= part.encoding == TransferEncoding::k7bit ||
                 (part.encoding == TransferEncoding::kNone && !has_8bit(part.raw));
    if (part.kind == PartKind::kText && part.type == "text")
      no_charset |= part.charset.empty() && !part.decoded.empty();
    // The first such text decides for all, as rspamd has it. Without a label 7bit is meant (RFC
    // 2045 6.1), but then nobody lied: programs older than MIME send bytes as they are.
    if (!bad_cte && part.encoding == TransferEncoding::k7bit && !is_attachment(part) &&
        has_8bit(part.raw)) {
      bad_cte = true;
      const bool utf8 = equal_caseless(part.charset, "utf-8");
      insert(plan, batch, row, kBadCte7bit, part.encoding_label, utf8 ? 0.3 : 1);
      if (utf8) insert(plan, batch, row, kBadCte7bit, "utf8", 0);
    }
  }
  if (base64) insert(plan, batch, row, kBase64Text);
  if (base64_bogus) insert(plan, batch, row, kBase64Bogus);
  if (is_html_only(parts)) insert(plan, batch, row, kHtmlOnly);
  if (no_charset && !seven_bit) insert(plan, batch, row, kNoCharset);
}

void tree(const CheckPlan& plan, Batch& batch, uint32_t row) {
  const std::span<const Part> parts = batch.parts.row(row);
  bool alternative = false, html = false, plain = false, attachment = false, checked = false;
  uint32_t inline_texts = 0, others = 0;
  for (const Part& part : parts) {
    alternative |= part.kind == PartKind::kMultipart && part.subtype == "alternative";
    // What only another reading of a broken structure has is not a side of it.
    if (!has(part, PartFlag::kSecondReading)) {
      html |= part.kind == PartKind::kHtml;
      plain |= part.kind == PartKind::kText && part.subtype == "plain";
    }
    attachment |= part.disposition == Disposition::kAttachment;
    if (part.kind != PartKind::kMultipart) {
      if (is_prose(part) && !is_attachment(part) && part.filename.empty())
        ++inline_texts;
      else
        ++others;
    }
    // Parts that we made (uuencoded in a text) are none that the sender could have labelled.
    if (!checked && !has(part, PartFlag::kVirtual) && part.type == "application" &&
        part.subtype == "octet-stream") {
      checked = true;
      const bool exempt = !part.content_id.empty() ||
                          (parts.size() > 1 && part.filename.ends_with(".asc")) ||
                          (part.parent != kNoIndex && parts[part.parent].subtype == "encrypted");
      if (part.disposition != Disposition::kAttachment && !exempt)
        insert(plan, batch, row, kNoDisposition);
    }
  }
  if (alternative && !html) insert(plan, batch, row, kMaNoHtml);
  if (alternative && !plain) insert(plan, batch, row, kMaNoText);
  if (parts.size() > 1 && attachment) insert(plan, batch, row, kHasAttachment);
  if (!parts.empty() && parts[0].type == "multipart" && parts[0].subtype == "mixed" &&
      others == 0 && inline_texts <= 2)
    insert(plan, batch, row, kMixedBogus);
}

void content(const CheckPlan& plan, Batch& batch) {
  for (uint32_t row = 0; row < batch.rows; ++row) {
    texts(plan, batch, row);
    tree(plan, batch, row);
  }
}

}  // namespace

extern constexpr Check kMimeStructure{
    .name = "mime_structure",
    .text = "Looks at the tree of MIME parts and at how texts are encoded.",
    .symbols = kSymbols,
    .content = content,
};

}  // namespace winnow
