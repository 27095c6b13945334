#include "engine/text/texts.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "engine/content/content.h"
#include "engine/mime/encoded_word.h"
#include "engine/mime/flowed.h"
#include "engine/text/content_lines.h"

namespace winnow {

namespace {

void add_flag(Text& text, TextFlag flag) { text.flags |= static_cast<uint16_t>(flag); }

bool has(const Part& part, PartFlag flag) { return part.flags & static_cast<uint16_t>(flag); }

bool decodes_alone(const Charset& charset) {
  return charset.kind != CharsetKind::kUtf8 && charset.kind != CharsetKind::kAscii;
}

// Whether so few characters were replaced that the label is still right: a cut-off character,
// a stray byte. A wrong label shows in one character of twenty or more.
bool mostly_fits(std::string_view utf8) {
  size_t broken = 0;
  size_t beyond = 0;
  for (size_t i = ascii_prefix(utf8); i < utf8.size(); ++i) {
    const auto byte = static_cast<uint8_t>(utf8[i]);
    beyond += byte >= 0xC0;
    broken += byte == 0xEF && utf8.substr(i, 3) == "\xEF\xBF\xBD";
  }
  return broken * 20 < beyond;
}

// Whether the mark at the start of a text is one of the label's own, which its converter reads.
bool reads_mark(const Charset& declared, const Charset& marked) {
  if (marked.kind == CharsetKind::kUtf8) return declared.kind == CharsetKind::kUtf8;
  return &declared == &marked || declared.name == "utf-16" || declared.name.starts_with("utf-32");
}

class Decoder {
 public:
  Decoder(CharsetScratch& scratch, Arena& arena, Faults& faults, Text& text)
      : scratch_(scratch), arena_(arena), faults_(faults), text_(text) {}

  void decode(std::string_view label, bool html, std::string_view bytes) {
    const Charset* declared = label.empty() ? nullptr : find_charset(label);
    if (!label.empty() && declared == nullptr) faults_.set(Fault::kCharsetUnknown);
    if (decode_as_marked(declared, bytes)) return;
    if (declared != nullptr) {
      if (try_charset(*declared, bytes)) return add_flag(text_, TextFlag::kCharsetDeclared);
      faults_.set(Fault::kCharsetWrong);
      if (decodes_alone(*declared) && !is_utf8(bytes) && mostly_fits(text_.utf8)) {
        return add_flag(text_, TextFlag::kCharsetDeclared);
      }
    }
    if (html) {
      const Charset* named = find_charset(html_charset(bytes));
      if (named != nullptr && named != declared && try_charset(*named, bytes)) return;
    }
    add_flag(text_, TextFlag::kCharsetGuessed);
    // What was UTF-8 before something broke it fits many a set.
    const bool was_utf8 = !is_utf8(bytes) && is_mostly_utf8(bytes);
    if (!was_utf8) {
      if (guess(declared, kDetectBytes, bytes)) return;
      // Where what a short sample says does not fit, a longer one is worth its time.
      if (bytes.size() > kDetectBytes && guess(declared, kDetectBytesMax, bytes)) return;
      add_flag(text_, TextFlag::kRaw);
    }
    (void)try_charset(was_utf8 ? utf8_charset() : *find_charset("windows-1252"), bytes);
  }

 private:
  // A byte order mark tells more than a label does, unless what follows it is something else.
  bool decode_as_marked(const Charset* declared, std::string_view bytes) {
    const Charset* const marked = charset_of_mark(bytes);
    if (marked == nullptr || (declared != nullptr && reads_mark(*declared, *marked))) return false;
    if (!try_charset(*marked, bytes) && !mostly_fits(text_.utf8)) return false;
    if (declared != nullptr) faults_.set(Fault::kCharsetWrong);
    add_flag(text_, TextFlag::kCharsetGuessed);
    return true;
  }

  // Takes the first guess that fits; the likeliest also where a few characters do not. Others of
  // several bytes a character are worth a conversion where the text is short: of a long one the
  // statistics know enough.
  bool guess(const Charset* declared, size_t sample_bytes, std::string_view bytes) {
    const CharsetGuesses guesses = guess_charsets(bytes, scratch_, sample_bytes);
    for (size_t i = 0; i < guesses.count; ++i) {
      const Charset& charset = *guesses.list[i];
      if (&charset == declared) continue;
      if (i > 0 && charset.kind != CharsetKind::kOneByte && bytes.size() > kDetectBytesMax)
        continue;
      if (try_charset(charset, bytes)) return true;
      if (i == 0 && decodes_alone(charset) && mostly_fits(text_.utf8)) return true;
    }
    return false;
  }

  // What does not fit UTF-8 or ASCII is not worth converting: another charset will be tried.
  bool try_charset(const Charset& charset, std::string_view bytes) {
    bool fits = false;
    text_.charset = charset.name;
    if (charset.kind == CharsetKind::kAscii && !is_ascii(bytes)) return false;
    text_.utf8 = utf8_view(charset, bytes, scratch_, arena_, fits);
    return fits;
  }

  CharsetScratch& scratch_;
  Arena& arena_;
  Faults& faults_;
  Text& text_;
};

// `text` without its tail beyond `bytes_max`, cut between code points.
std::string_view cut(std::string_view text, size_t bytes_max, Faults& faults) {
  if (text.size() <= bytes_max) return text;
  faults.set(Fault::kLimitText);
  while (bytes_max > 0 && (static_cast<uint8_t>(text[bytes_max]) & 0xC0) == 0x80) --bytes_max;
  return text.substr(0, bytes_max);
}

void add_text(const TextPlan& plan, TextScratch& scratch, Batch& batch, uint32_t row,
              uint32_t part_index) {
  Part& part = batch.parts.row(row)[part_index];
  Faults& faults = batch.facts[row].faults;
  const auto text_index = static_cast<uint32_t>(batch.texts.open_row().size());
  part.text = text_index;

  Text text;
  text.part = part_index;
  const bool html = part.kind == PartKind::kHtml || is_svg_page(part);
  if (html) add_flag(text, TextFlag::kHtml);

  std::string_view bytes = part.decoded;
  const size_t bytes_max = plan.limits.text_bytes_max;
  if (bytes.size() > bytes_max) {
    faults.set(Fault::kLimitText);
    // Not inside a UTF-8 sequence, should these be UTF-8.
    size_t end = bytes_max;
    while (end + 3 > bytes_max && end > 0 && (static_cast<uint8_t>(bytes[end]) & 0xC0) == 0x80) {
      --end;
    }
    bytes = bytes.substr(0, end);
  }
  Decoder(scratch.charsets, batch.arena, faults, text).decode(part.charset, html, bytes);
  text.utf8 = cut(text.utf8, bytes_max, faults);
  text.plain = text.utf8;
  if (html) {
    parse_html(plan.limits, scratch.html, text.utf8, text_index, row, batch, text);
  } else if (has(part, PartFlag::kFlowed)) {
    text.plain = unflow(text.utf8, has(part, PartFlag::kDelSp), batch.arena);
  } else if (is_calendar(part) || is_card(part)) {
    text.plain = read_content_lines(text.utf8, batch.arena);
  }
  if (count_text(text)) faults.set(Fault::kUnicodeBad);
  batch.texts.values.push_back(text);
}

// Whether the text is one that a reader sees at once: prose, neither in an attachment nor in a
// message within this one, and more of it than the word or two that would be put there to hide what
// is attached.
bool is_body(std::span<const Part> parts, const Text& text) {
  constexpr uint32_t kLettersMin = 64;  // what has no width, and marks, are none
  const Part& part = parts[text.part];
  const bool prose = part.kind == PartKind::kHtml || part.subtype == "plain";
  if (!prose || text.letters + text.digits < kLettersMin || has(part, PartFlag::kSecondReading)) {
    return false;
  }
  for (uint32_t at = text.part; at != kNoIndex; at = parts[at].parent) {
    const bool attached = at != 0 && has(parts[at], PartFlag::kAttachment);
    if (attached || parts[at].kind == PartKind::kMessage) return false;
  }
  return true;
}

// An attachment is separate from the body (RFC 2183 2.2), but it takes a body to be separate from:
// a message that is one attachment, or has nothing else to read, is read like any other. But no
// reader shows the words of an image among those of the letter.
void mark_attached(std::span<const Part> parts, std::span<Text> texts) {
  const bool has_body =
      std::ranges::any_of(texts, [&](const Text& text) { return is_body(parts, text); });
  for (Text& text : texts) {
    const Part& part = parts[text.part];
    const bool image = is_svg_page(part) && part.type != "text";
    const bool attached = has_body && text.part != 0 && has(part, PartFlag::kAttachment);
    if (image || attached) add_flag(text, TextFlag::kAttached);
  }
}

}  // namespace

void texts(const TextPlan& plan, TextScratch& scratch, Batch& batch) {
  for (uint32_t row = 0; row < batch.rows; ++row) {
    const auto parts = static_cast<uint32_t>(batch.parts.row(row).size());
    for (uint32_t i = 0; i < parts; ++i) {
      const Part& part = batch.parts.row(row)[i];
      if (part.kind == PartKind::kText || part.kind == PartKind::kHtml || is_svg_page(part)) {
        add_text(plan, scratch, batch, row, i);
      }
    }
    mark_attached(batch.parts.row(row), batch.texts.open_row());
    batch.texts.end_row();
    batch.htmls.end_row();
    batch.html_links.end_row();
    batch.html_images.end_row();
    batch.html_forms.end_row();
  }
}

}  // namespace winnow
