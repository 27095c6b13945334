#include "engine/mime/uuencode.h"

#include <cstdint>

#include "engine/mime/base64.h"
#include "engine/mime/line_scan.h"

namespace winnow {

namespace {

std::string_view trim_right(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// "begin 644 name": the name, or false.
bool parse_begin(std::string_view line, bool& base64, std::string_view& name) {
  if (!line.starts_with("begin")) return false;
  line.remove_prefix(5);
  base64 = line.starts_with("-base64");
  if (base64) line.remove_prefix(7);
  if (line.empty() || line[0] != ' ') return false;
  while (!line.empty() && line[0] == ' ') line.remove_prefix(1);
  size_t digits = 0;
  while (digits < line.size() && line[digits] >= '0' && line[digits] <= '7') ++digits;
  if (digits < 3 || digits > 5) return false;
  line.remove_prefix(digits);
  if (!line.empty() && line[0] != ' ') return false;
  while (!line.empty() && line[0] == ' ') line.remove_prefix(1);
  name = trim_right(line);
  return true;
}

constexpr uint8_t value(char c) { return static_cast<uint8_t>((c - 32) & 63); }
constexpr bool encodes(char c) { return c >= 32 && c <= 96; }

// Decodes one data line to `out`; false where it cannot be one.
bool decode_line(std::string_view line, char*& out) {
  if (!encodes(line[0])) return false;
  const size_t bytes = value(line[0]);
  line.remove_prefix(1);
  const size_t digits = (bytes + 2) / 3 * 4;
  // A host may have cut trailing blanks; more than a check byte over is no data line.
  if (line.size() > digits + 2) return false;
  for (size_t i = 0; i < line.size(); ++i)
    if (!encodes(line[i])) return false;
  auto digit = [&](size_t i) -> uint32_t { return i < line.size() ? value(line[i]) : 0; };
  for (size_t done = 0, i = 0; done < bytes; done += 3, i += 4) {
    const uint32_t bits = digit(i) << 18 | digit(i + 1) << 12 | digit(i + 2) << 6 | digit(i + 3);
    *out++ = static_cast<char>(bits >> 16);
    if (done + 1 < bytes) *out++ = static_cast<char>(bits >> 8);
    if (done + 2 < bytes) *out++ = static_cast<char>(bits);
  }
  return true;
}

void read_lines(std::string_view text, size_t begin, size_t at, Arena& arena, EncodedBlock& block) {
  // Two bytes of text can claim a line of 63 zero bytes whose blanks were cut; real files have few
  // of them, so the sum may not pass the text it came from by more than kGrowth.
  constexpr size_t kGrowth = 64 * 1024;
  ArenaText out(arena, 4096);
  block.broken = true;  // until its end line is seen
  while (at < text.size()) {
    const size_t end = line_end(text, at);
    const std::string_view line = text.substr(at, end - at);
    const size_t next = past_line_end(text, end);
    if (trim_right(line) == "end") {
      block.broken = false;
      at = next;
      break;
    }
    char* to = out.tail(72);
    char* const from = to;
    if (!line.empty() && !decode_line(line, to)) break;
    if (out.size() > next - begin + kGrowth) break;
    out.commit(static_cast<size_t>(to - from));
    at = next;
  }
  block.bytes = out.finish();
  block.block = text.substr(begin, at - begin);
}

void read_base64(std::string_view text, size_t begin, size_t at, Arena& arena,
                 EncodedBlock& block) {
  const size_t data = at;
  size_t data_end = text.size();
  block.broken = true;
  while (at < text.size()) {
    const size_t end = line_end(text, at);
    const std::string_view line = text.substr(at, end - at);
    const size_t next = past_line_end(text, end);
    if (trim_right(line) == "====") {
      data_end = at;
      at = next;
      block.broken = false;
      break;
    }
    at = next;
  }
  const DecodedBody body = decode_base64(text.substr(data, data_end - data), arena);
  block.bytes = body.bytes;
  block.broken |= body.broken;
  block.block = text.substr(begin, at - begin);
}

}  // namespace

bool read_uuencode(std::string_view text, size_t at, Arena& arena, EncodedBlock& block) {
  const size_t end = line_end(text, at);
  bool base64 = false;
  std::string_view name;
  if (!parse_begin(text.substr(at, end - at), base64, name)) return false;
  block = EncodedBlock{};
  block.filename = name;
  const size_t data = past_line_end(text, end);
  if (base64)
    read_base64(text, at, data, arena, block);
  else
    read_lines(text, at, data, arena, block);
  // "begin 100 people came" in prose: no data line follows it.
  return !(block.broken && block.bytes.empty());
}

bool find_uuencode(std::string_view text, Arena& arena, EncodedBlock& block) {
  for (size_t at = find_inline_mark(text, 0); at != std::string_view::npos;
       at = find_inline_mark(text, at + 1))
    if (text[at] == 'b' && read_uuencode(text, at, arena, block)) return true;
  return false;
}

}  // namespace winnow
