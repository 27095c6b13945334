#include "engine/mime/leaf.h"

#include <charconv>

#include "engine/ascii.h"
#include "engine/mime/base64.h"
#include "engine/mime/content_fields.h"
#include "engine/mime/encoded_word.h"
#include "engine/mime/header_block.h"
#include "engine/mime/line_scan.h"
#include "engine/mime/pkcs7.h"
#include "engine/mime/quoted_printable.h"
#include "engine/mime/uuencode.h"
#include "engine/mime/yenc.h"
#include "engine/text/utf8.h"

namespace winnow {

namespace {

void set_flag(Part& part, PartFlag flag) { part.flags |= static_cast<uint16_t>(flag); }

// Appends a virtual part below `parent`; nullptr at the limit.
Part* append_virtual(const StructureJob& job, uint32_t parent, std::string_view type,
                     std::string_view subtype, std::string_view bytes) {
  const uint16_t depth = job.batch.parts.open_row()[parent].depth;
  Part* part = nullptr;
  if (!append_part(job, parent, static_cast<uint16_t>(depth + 1), part)) return nullptr;
  part->type = type;
  part->subtype = subtype;
  part->kind = part_kind(type, subtype);
  if (part->kind == PartKind::kMultipart || part->kind == PartKind::kMessage)
    part->kind = PartKind::kOther;  // nothing is cut out of it
  part->raw = part->decoded = bytes;
  set_flag(*part, PartFlag::kVirtual);
  return part;
}

// A name that stands with encoded data, as a header would show it. `charset` may be empty. What is
// wrong with it is no fault of a header.
std::string_view shown_name(const StructureJob& job, std::string_view name,
                            std::string_view charset) {
  Faults ignored;
  bool fits = true;
  if (!charset.empty() && !is_utf8(name))
    return labelled_to_utf8(charset, name, job.headers, job.batch.arena, fits, ignored);
  return decode_header_text(name, job.limits, job.headers, job.batch.arena, ignored).text;
}

void append_block(const StructureJob& job, uint32_t parent, const EncodedBlock& block,
                  TransferEncoding encoding) {
  Part* part = append_virtual(job, parent, "application", "octet-stream", block.bytes);
  if (part == nullptr) return;
  part->raw = block.block;
  part->encoding = encoding;
  part->filename = shown_name(job, block.filename, {});
  set_flag(*part, PartFlag::kAttachment);
  if (block.broken) {
    set_flag(*part, PartFlag::kTruncated);
    job.batch.facts[job.row].faults.set(
        encoding == TransferEncoding::kYenc ? Fault::kYencBroken : Fault::kUuencodeBroken);
  }
}

// "-----BEGIN PGP " at `at`: the armoured block becomes a part; what it is goes to the flags.
// Returns where to go on.
size_t append_pgp(const StructureJob& job, uint32_t parent, std::string_view text, size_t at) {
  constexpr std::string_view kBegin = "-----BEGIN PGP ";
  const std::string_view rest = text.substr(at);
  if (!rest.starts_with(kBegin)) return at + 1;
  const std::string_view what = rest.substr(kBegin.size());
  std::string_view end_line;
  std::string_view subtype;
  if (what.starts_with("SIGNED MESSAGE-----")) {
    set_flag(job.batch.parts.open_row()[parent], PartFlag::kSigned);
    return at + kBegin.size();
  }
  if (what.starts_with("MESSAGE-----")) {
    end_line = "-----END PGP MESSAGE-----";
    subtype = "pgp-encrypted";
    set_flag(job.batch.parts.open_row()[parent], PartFlag::kEncrypted);
  } else if (what.starts_with("PUBLIC KEY BLOCK-----")) {
    end_line = "-----END PGP PUBLIC KEY BLOCK-----";
    subtype = "pgp-keys";
  } else if (what.starts_with("SIGNATURE-----")) {
    end_line = "-----END PGP SIGNATURE-----";
    subtype = "pgp-signature";
  } else {
    return at + kBegin.size();
  }
  const size_t end = rest.find(end_line);
  const bool closed = end != std::string_view::npos;
  const std::string_view block = rest.substr(0, closed ? end + end_line.size() : end);
  Part* part = append_virtual(job, parent, "application", subtype, block);
  if (part == nullptr) return std::string_view::npos;
  if (subtype == "pgp-encrypted") set_flag(*part, PartFlag::kEncrypted);
  if (!closed) set_flag(*part, PartFlag::kTruncated);
  return at + block.size();
}

void append_inline_blocks(const StructureJob& job, uint32_t parent) {
  const std::string_view text = job.batch.parts.open_row()[parent].decoded;
  EncodedBlock block;
  size_t at = find_inline_mark(text, 0);
  while (at != std::string_view::npos) {
    size_t next = at + 1;
    if (text[at] == '-') {
      next = append_pgp(job, parent, text, at);
    } else if (text[at] == '=' ? read_yenc(text, at, job.batch.arena, block)
                               : read_uuencode(text, at, job.batch.arena, block)) {
      append_block(job, parent, block,
                   text[at] == '=' ? TransferEncoding::kYenc : TransferEncoding::kUuencode);
      next = at + block.block.size();
    }
    at = next >= text.size() ? std::string_view::npos : find_inline_mark(text, next);
  }
}

std::string_view code_page_name(uint32_t code_page, Arena& arena) {
  if (code_page == 0) return {};
  if (code_page == 65001) return "utf-8";
  constexpr std::string_view kPrefix = "windows-";
  char* const out = arena.alloc_bytes(kPrefix.size() + 10);
  std::memcpy(out, kPrefix.data(), kPrefix.size());
  char* const end = std::to_chars(out + kPrefix.size(), out + kPrefix.size() + 10, code_page).ptr;
  return {out, static_cast<size_t>(end - out)};
}

void append_tnef(const StructureJob& job, uint32_t parent) {
  Tnef& tnef = job.scratch.tnef;
  const std::string_view stream = job.batch.parts.open_row()[parent].decoded;
  read_tnef(stream, job.limits.parts_max, job.limits.text_bytes_max, job.batch.arena, tnef);
  if (tnef.broken) job.batch.facts[job.row].faults.set(Fault::kTnefBroken);
  const std::string_view charset = code_page_name(tnef.code_page, job.batch.arena);
  for (const TnefItem& item : tnef.items) {
    std::string_view type = "text";
    std::string_view subtype = "plain";
    switch (item.kind) {
      case TnefItem::Kind::kText:
        break;
      case TnefItem::Kind::kHtml:
        subtype = "html";
        break;
      case TnefItem::Kind::kRtf:
        subtype = "rtf";
        break;
      case TnefItem::Kind::kMessage:
        type = "application", subtype = "ms-tnef";
        break;
      case TnefItem::Kind::kAttachment: {
        const size_t slash = item.mime.find('/');
        const bool known = slash != std::string_view::npos;
        type = known ? item.mime.substr(0, slash) : "application";
        subtype = known ? item.mime.substr(slash + 1) : "octet-stream";
      }
    }
    Part* part = append_virtual(job, parent, type, subtype, item.bytes);
    if (part == nullptr) return;
    part->filename = shown_name(job, item.filename, charset);
    part->charset = item.utf8 ? "utf-8" : charset;
    if (item.kind == TnefItem::Kind::kAttachment || item.kind == TnefItem::Kind::kMessage)
      set_flag(*part, PartFlag::kAttachment);
  }
}

bool is_tnef(const Part& part) {
  return part.type == "application" &&
         (part.subtype == "ms-tnef" || part.subtype == "vnd.ms-tnef" ||
          (part.subtype == "octet-stream" && part.decoded.starts_with("\x78\x9f\x3e\x22")));
}

bool has_extension(std::string_view name, std::string_view extension) {
  return name.size() > extension.size() &&
         equal_caseless(name.substr(name.size() - extension.size()), extension);
}

bool is_smime(const Part& part) {
  if (part.type != "application") return false;
  // RFC 8551 3.9: of another type by its name.
  return part.subtype == "pkcs7-mime" || part.subtype == "x-pkcs7-mime" ||
         (part.subtype == "octet-stream" && has_extension(part.filename, ".p7m"));
}

std::string_view finish_smime(const StructureJob& job, Part& part, std::string_view smime_type) {
  const Pkcs7 cms = read_pkcs7(part.decoded, job.batch.arena);
  if (cms.kind == Pkcs7::Kind::kEnveloped || smime_type.ends_with("enveloped-data"))
    set_flag(part, PartFlag::kEncrypted);
  if (cms.kind == Pkcs7::Kind::kSigned) set_flag(part, PartFlag::kSigned);
  return cms.content;
}

// The message that an attachment of another type is for who opens it: mail programs and browsers go
// by the name. Only where a header stands first.
std::string_view mail_by_name(const Part& part) {
  if (part.kind == PartKind::kHtml) return {};
  if ((part.flags & static_cast<uint16_t>(PartFlag::kAttachment)) == 0) return {};
  for (const std::string_view name : {part.filename, part.other_filename})
    for (const std::string_view extension : {".eml", ".mht", ".mhtml"})
      if (has_extension(name, extension))
        return begins_with_header(part.decoded) ? part.decoded : std::string_view();
  return {};
}

}  // namespace

bool append_part(const StructureJob& job, uint32_t parent, uint16_t depth, Part*& part) {
  Batch& batch = job.batch;
  if (batch.parts.open_row().size() >= job.scratch.parts_end) {
    batch.facts[job.row].faults.set(Fault::kLimitParts);
    return false;
  }
  const auto headers = static_cast<uint32_t>(batch.headers.open_row().size());
  part = &batch.parts.values.emplace_back();
  part->parent = parent;
  part->depth = depth;
  part->headers = {headers, headers};
  return true;
}

bool decode_body(const StructureJob& job, Part& part, bool through) {
  Arena& arena = job.batch.arena;
  Faults& faults = job.batch.facts[job.row].faults;
  bool cut = false;
  part.decoded = part.raw;
  EncodedBlock block;
  switch (part.encoding) {
    case TransferEncoding::kBase64: {
      const DecodedBody body = decode_base64(part.raw, arena, through);
      part.decoded = body.bytes;
      cut = body.cut;
      if (body.broken) faults.set(Fault::kTransferEncodingBroken);
      break;
    }
    case TransferEncoding::kQuotedPrintable: {
      const DecodedBody body = decode_quoted_printable(part.raw, arena);
      part.decoded = body.bytes;
      if (body.broken) faults.set(Fault::kQuotedPrintableBroken);
      break;
    }
    case TransferEncoding::kUuencode:
      if (!find_uuencode(part.raw, arena, block)) block.broken = true;
      if (!block.bytes.empty()) part.decoded = block.bytes;
      if (block.broken) faults.set(Fault::kUuencodeBroken);
      break;
    case TransferEncoding::kYenc:
      if (!find_yenc(part.raw, arena, block)) block.broken = true;
      if (!block.bytes.empty()) part.decoded = block.bytes;
      if (block.broken) faults.set(Fault::kYencBroken);
      break;
    default:
      break;
  }
  if (!block.filename.empty()) add_filename(shown_name(job, block.filename, {}), part);
  return cut;
}

namespace {

// Half of such a text is NUL bytes.
bool is_wide(std::string_view charset) {
  return charset.starts_with("utf-16") || charset.starts_with("utf-32") ||
         charset.starts_with("ucs-") || charset.starts_with("iso-10646-ucs-");
}

}  // namespace

std::string_view finish_leaf(const StructureJob& job, uint32_t index, std::string_view smime_type) {
  // Looked up again after each step: appending virtual parts may move the column.
  auto part = [&]() -> Part& { return job.batch.parts.open_row()[index]; };
  const PartKind kind = part().kind;
  if ((kind == PartKind::kText || kind == PartKind::kHtml) && !is_wide(part().charset) &&
      part().decoded.find('\0') != std::string_view::npos)
    job.batch.facts[job.row].faults.set(Fault::kBodyNul);
  if (kind == PartKind::kText) append_inline_blocks(job, index);
  if (is_tnef(part())) append_tnef(job, index);
  if (is_smime(part())) return finish_smime(job, part(), smime_type);
  return mail_by_name(part());
}

}  // namespace winnow
