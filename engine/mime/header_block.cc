#include "engine/mime/header_block.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "engine/mime/encoded_word.h"
#include "engine/mime/from_line.h"
#include "engine/mime/header_line.h"
#include "engine/mime/parameters.h"

namespace winnow {

namespace {

constexpr bool blank(char c) { return c == ' ' || c == '\t'; }

// Bytes of a header name: RFC 5322 2.2 allows 33-126 without the colon; bytes over 127 are taken
// too (with kMalformedName), since clients show such headers.
constexpr std::array<uint8_t, 256> kNameByte = [] {
  std::array<uint8_t, 256> table{};
  for (int c = 33; c < 127; ++c) table[static_cast<size_t>(c)] = 1;
  for (int c = 128; c < 256; ++c) table[static_cast<size_t>(c)] = 2;
  table[':'] = 0;
  return table;
}();

struct NameEnd {
  size_t name_end = 0;  // one past the name
  size_t value = 0;     // one past the colon
  bool malformed = false;
  bool found = false;
};

// The name at the start of the line [begin, end).
NameEnd read_name(std::string_view text, size_t begin, size_t end) {
  NameEnd result;
  size_t at = begin;
  uint8_t classes = 0;
  while (at < end && kNameByte[static_cast<uint8_t>(text[at])] != 0)
    classes |= kNameByte[static_cast<uint8_t>(text[at++])];
  result.name_end = at;
  result.malformed = (classes & 2) != 0;
  if (at == begin) return result;
  while (at < end && blank(text[at])) ++at, result.malformed = true;
  if (at == end || text[at] != ':') return result;
  result.value = at + 1;
  result.found = true;
  return result;
}

uint8_t value_flags(std::string_view raw, uint8_t seen) {
  uint8_t flags = 0;
  if (!raw.empty() && raw[0] == '\t') flags |= static_cast<uint8_t>(HeaderFlag::kTab);
  if (!raw.empty() && !blank(raw[0]) && raw[0] != '\r' && raw[0] != '\n')
    flags |= static_cast<uint8_t>(HeaderFlag::kNoSpace);
  if (seen & HeaderLine::kEight) flags |= static_cast<uint8_t>(HeaderFlag::kEightBit);
  return flags;
}

std::string_view skip_blanks(std::string_view text) {
  size_t at = 0;
  while (at < text.size() && blank(text[at])) ++at;
  return text.substr(at);
}

// One header's lines as offsets in the block: the value's first line, then the continuations.
struct Value {
  size_t begin = 0;
  size_t end = 0;   // of the last line
  size_t next = 0;  // of the line after it
  uint8_t seen = 0;
  bool empty_line = false;
};

// Reads continuation lines; scratch.marks gets begin and end of each line of the value.
Value read_value(std::string_view block, size_t begin, const HeaderLine& first,
                 std::vector<uint32_t>& marks) {
  Value value{begin, first.end, first.next, first.seen, false};
  marks.clear();
  while (value.next < block.size() && blank(block[value.next])) {
    if (marks.empty()) {
      marks.push_back(static_cast<uint32_t>(begin));
      marks.push_back(static_cast<uint32_t>(value.end));
    }
    const HeaderLine line = next_header_line(block, value.next);
    marks.push_back(static_cast<uint32_t>(value.next));
    marks.push_back(static_cast<uint32_t>(line.end));
    if (skip_blanks(block.substr(value.next, line.end - value.next)).empty())
      value.empty_line = true;
    value.end = line.end;
    value.next = line.next;
    value.seen |= line.seen;
  }
  return value;
}

// Joins the lines in `marks`, up to `limit` of the block.
std::string_view unfold(std::string_view block, const std::vector<uint32_t>& marks, size_t limit,
                        Arena& arena) {
  const size_t room = std::min(size_t{marks.back()}, limit) - marks.front() + marks.size() / 2;
  char* const to = arena.alloc_bytes(room);
  char* out = to;
  for (size_t i = 0; i < marks.size() && marks[i] < limit; i += 2) {
    const size_t end = std::min(size_t{marks[i + 1]}, limit);
    const std::string_view line = skip_blanks(block.substr(marks[i], end - marks[i]));
    if (i > 0 && out != to) *out++ = ' ';
    if (line.empty()) continue;
    std::memcpy(out, line.data(), line.size());
    out += line.size();
  }
  arena.shrink_to(out);
  return {to, static_cast<size_t>(out - to)};
}

struct Context {
  const HeaderNames& names;
  const Limits& limits;
  HeaderScratch& scratch;
  std::string_view block;
  uint32_t part;
  Batch& batch;
  Faults& faults;
};

void decode(Header& header, const Limits& limits, HeaderScratch& scratch, Arena& arena,
            Faults& faults) {
  const DecodedText text = decode_header_text(header.unfolded, limits, scratch, arena, faults);
  header.decoded = text.text;
  if (text.encoded) header.flags |= static_cast<uint8_t>(HeaderFlag::kEncoded);
}

void add_header(Context& c, const NameEnd& name, size_t line, const Value& value, uint32_t order) {
  size_t end = value.end;
  if (end - value.begin > c.limits.header_bytes_max) {
    end = value.begin + c.limits.header_bytes_max;
    c.faults.set(Fault::kLimitHeaders);
  }
  Header& header = c.batch.headers.values.emplace_back();
  header.part = c.part;
  header.order = order;
  header.name = c.block.substr(line, name.name_end - line);
  header.id = c.names.find(header.name);
  header.raw = c.block.substr(value.begin, end - value.begin);
  header.flags = value_flags(header.raw, value.seen);
  if (name.malformed) header.flags |= static_cast<uint8_t>(HeaderFlag::kMalformedName);
  if (value.empty_line) header.flags |= static_cast<uint8_t>(HeaderFlag::kEmptyLine);
  header.unfolded = c.scratch.marks.empty() ? skip_blanks(header.raw)
                                            : unfold(c.block, c.scratch.marks, end, c.batch.arena);
  header.decoded = header.unfolded;
  if (value.seen == 0) return;
  if (value.seen & HeaderLine::kNul) c.faults.set(Fault::kHeaderNul);
  // Bytes over 127 wait for the charset that a later Content-Type may name.
  if (value.seen & HeaderLine::kEight)
    c.scratch.eight_bit.push_back(order);
  else
    decode(header, c.limits, c.scratch, c.batch.arena, c.faults);
}

const Charset* declared_by(std::span<const Header> headers, const Limits& limits,
                           HeaderScratch& scratch, Arena& arena) {
  for (const Header& header : headers) {
    if (header.id != header_id(known::kContentType)) continue;
    Faults ignored;  // set where the part's own Content-Type is read
    const MimeValue value = parse_content_type(header.unfolded, limits, scratch, arena, ignored);
    return find_charset(value.raw("charset"));
  }
  return nullptr;
}

// Whether bytes that are known not to be UTF-8, and so not ASCII, can be of it.
bool is_of_bytes(const Charset* charset) {
  return charset != nullptr &&
         (charset->kind == CharsetKind::kOneByte || charset->kind == CharsetKind::kIcu);
}

// The declared charset of a text; null where that says nothing: mailers put windows-1252, or
// iso-8859-1, which is read so too, on any text of ASCII.
const Charset* charset_of(const Part& text) {
  const Charset* const declared = find_charset(text.charset);
  const bool by_default = declared != nullptr && declared->name == "windows-1252";
  return by_default && is_ascii(text.decoded) ? nullptr : declared;
}

// The text that a reader sees first; null: there is none.
const Part* first_text(std::span<const Part> parts) {
  for (const Part& part : parts) {
    const bool text = part.kind == PartKind::kText || part.kind == PartKind::kHtml;
    if (text && !part.decoded.empty()) return &part;
  }
  return nullptr;
}

}  // namespace

size_t past_from_lines(std::string_view text, bool message) {
  for (size_t at = 0;;) {
    const HeaderLine line = next_header_line(text, at);
    std::string_view from = text.substr(at, line.end - at);
    if (from.starts_with('>')) from.remove_prefix(1);
    if (!begins_as_from_line(from)) return at;
    if (!is_from_line(from)) {
      const size_t end = message ? next_header_line(text, line.next).end : 0;
      if (!message || !read_name(text, line.next, end).found) return at;
    }
    at = line.next;
  }
}

bool begins_with_header(std::string_view text) {
  const size_t at = past_from_lines(text, true);
  return read_name(text, at, next_header_line(text, at).end).found;
}

HeaderEnd find_header_end(std::string_view text) {
  HeaderEnd found;
  const size_t empty = find_empty_line(text, 0);
  if (empty != std::string_view::npos) {
    found.block = empty;
    found.body = next_header_line(text, empty).next;
    found.terminated = true;
    return found;
  }
  found.block = found.body = text.size();
  for (size_t at = 0; at < text.size();) {
    const HeaderLine line = next_header_line(text, at);
    const bool known = blank(text[at]) || read_name(text, at, line.end).found;
    if (!known || (at == 0 && blank(text[0]))) {
      found.malformed = at;
      break;
    }
    at = line.next;
  }
  return found;
}

void choose_raw_charset(std::span<const Header> headers, const Part* text, const Limits& limits,
                        HeaderScratch& scratch, Arena& arena) {
  scratch.raw_charset = declared_by(headers, limits, scratch, arena);
  if (is_of_bytes(scratch.raw_charset)) return;
  scratch.raw_charset = text == nullptr ? nullptr : charset_of(*text);
  if (is_of_bytes(scratch.raw_charset)) return;
  scratch.raw_charset = nullptr;
  constexpr size_t kSampleBytes = 4096, kTextBytes = 1024, kHighBytesMin = 8;
  ArenaText sample(arena, kSampleBytes + kTextBytes);
  size_t high = 0;
  for (uint32_t index : scratch.eight_bit) {
    const std::string_view line = headers[index].unfolded;
    if (sample.size() + line.size() > kSampleBytes) break;
    if (is_mostly_utf8(line)) continue;
    sample.append(line);
    sample.push('\n');
    for (char c : line) high += static_cast<uint8_t>(c) > 127;
  }
  // A header of few bytes is written as the text below it is.
  if (high > 0 && text != nullptr) {
    const size_t plain = ascii_prefix(text->decoded);
    const std::string_view line = text->decoded.substr(plain, kTextBytes);
    if (!is_mostly_utf8(line)) {
      sample.append(line);
      for (char c : line) high += static_cast<uint8_t>(c) > 127;
    }
  }
  if (high >= kHighBytesMin) {
    const CharsetGuesses guesses = guess_charsets(sample.view(), scratch.charset);
    for (size_t i = 0; i < guesses.count && scratch.raw_charset == nullptr; ++i)
      if (is_of_bytes(guesses.list[i])) scratch.raw_charset = guesses.list[i];
  }
  sample.truncate(0);
  (void)sample.finish();
}

uint32_t parse_header_block(const HeaderNames& names, const Limits& limits, HeaderScratch& scratch,
                            std::string_view block, uint32_t row, uint32_t part, Batch& batch) {
  Faults& faults = batch.facts[row].faults;
  if (part == 0) scratch.encoded_words = 0, scratch.header_bytes = 0;
  scratch.raw_charset = scratch.escape_charset = nullptr;
  scratch.eight_bit.clear();
  const size_t bytes_left = limits.header_block_bytes_max - scratch.header_bytes;
  if (block.size() > bytes_left) {
    block = block.substr(0, bytes_left);
    faults.set(Fault::kLimitHeaders);
  }
  scratch.header_bytes += static_cast<uint32_t>(block.size());
  Context c{names, limits, scratch, block, part, batch, faults};
  const size_t first = batch.headers.values.size();
  const size_t room =
      limits.headers_max - std::min<size_t>(limits.headers_max, batch.headers.open_row().size());
  uint32_t count = 0;
  for (size_t at = 0; at < block.size();) {
    const HeaderLine line = next_header_line(block, at);
    const NameEnd name = read_name(block, at, line.end);
    if (!name.found) {
      // Its continuations fall under the same rule: they begin with a blank. A line of mailboxes
      // that a later program quoted, and put its headers above, hides nothing.
      const std::string_view text = block.substr(at, line.end - at);
      const bool quoted = text.starts_with('>') && is_from_line(text.substr(1));
      if (!text.empty() && !quoted) faults.set(Fault::kHeaderMalformed);
      at = line.next;
      continue;
    }
    if (count == room) {
      faults.set(Fault::kLimitHeaders);
      break;
    }
    const Value value = read_value(block, name.value, line, scratch.marks);
    add_header(c, name, at, value, count++);
    at = value.next;
  }
  if (!scratch.eight_bit.empty()) {
    const std::span<Header> headers = std::span<Header>(batch.headers.values).subspan(first);
    choose_raw_charset(headers, nullptr, limits, scratch, batch.arena);
    for (uint32_t index : scratch.eight_bit)
      decode(headers[index], limits, scratch, batch.arena, faults);
  }
  return count;
}

void decode_by_text(std::span<Header> headers, std::span<const Part> parts, const Limits& limits,
                    HeaderScratch& scratch, Arena& arena, Faults& faults) {
  const Part* const text = first_text(parts);
  const Charset* const declared = text == nullptr ? nullptr : find_charset(text->charset);
  const bool escapes = declared != nullptr && declared->name.starts_with("iso-2022-");
  scratch.escape_charset = escapes ? declared : nullptr;
  scratch.raw_charset = nullptr;
  scratch.eight_bit.clear();
  for (uint32_t i = 0; i < headers.size(); ++i)
    if (headers[i].flags & static_cast<uint8_t>(HeaderFlag::kEightBit))
      scratch.eight_bit.push_back(i);
  if (!scratch.eight_bit.empty()) choose_raw_charset(headers, text, limits, scratch, arena);
  const uint32_t counted = scratch.encoded_words;
  scratch.encoded_words = 0;
  for (Header& header : headers) {
    const bool high = (header.flags & static_cast<uint8_t>(HeaderFlag::kEightBit)) != 0;
    if (high ? text != nullptr && !is_utf8(header.unfolded)
             : escapes && header.unfolded.find('\x1B') != std::string_view::npos)
      decode(header, limits, scratch, arena, faults);
  }
  scratch.encoded_words = counted;
}

}  // namespace winnow
