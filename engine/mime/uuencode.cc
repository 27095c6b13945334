#include "engine/mime/uuencode.h"

#include <cstdint>

#include "engine/ascii.h"
#include "engine/mime/base64.h"
#include "engine/mime/line_scan.h"

namespace winnow {

namespace {

std::string_view trim_right(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

struct BeginLine {
  bool base64 = false;
  bool sure = false;  // no prose, whether the block is closed or not
  std::string_view name;
};

// "begin 644 name", or false. `declared`: a line without a mode is one, too.
bool parse_begin(std::string_view line, bool declared, BeginLine& begin) {
  if (!line.starts_with("begin")) return false;
  line.remove_prefix(5);
  begin.base64 = line.starts_with("-base64");
  if (begin.base64) line.remove_prefix(7);
  if (line.empty() || line[0] != ' ') return false;
  while (!line.empty() && line[0] == ' ') line.remove_prefix(1);
  size_t digits = 0;
  while (digits < line.size() && line[digits] >= '0' && line[digits] <= '7') ++digits;
  if (digits < line.size() && line[digits] != ' ') digits = 0;  // the name begins with them
  if (digits == 0 && !declared) return false;
  begin.sure = begin.base64 || (digits >= 3 && digits <= 5) || (declared && digits > 0);
  begin.name = block_name(line.substr(digits));
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

bool read_block(std::string_view text, size_t at, bool declared, Arena& arena,
                EncodedBlock& block) {
  const size_t end = line_end(text, at);
  BeginLine begin;
  if (!parse_begin(text.substr(at, end - at), declared, begin)) return false;
  block = EncodedBlock{};
  block.filename = begin.name;
  const size_t data = past_line_end(text, end);
  if (begin.base64)
    read_base64(text, at, data, arena, block);
  else
    read_lines(text, at, data, arena, block);
  if (!block.broken) return true;
  // "begin 100 people came" in prose: no data line follows it.
  return !block.bytes.empty() && begin.sure;
}

}  // namespace

std::string_view block_name(std::string_view written) {
  std::string_view name = trimmed(written, " \t");
  if (!name.starts_with('"')) return name;
  name.remove_prefix(1);
  if (name.ends_with('"')) name.remove_suffix(1);
  return name;
}

bool read_uuencode(std::string_view text, size_t at, Arena& arena, EncodedBlock& block) {
  return read_block(text, at, false, arena, block);
}

bool find_uuencode(std::string_view text, Arena& arena, EncodedBlock& block) {
  for (size_t at = find_inline_mark(text, 0); at != std::string_view::npos;
       at = find_inline_mark(text, at + 1))
    if (text[at] == 'b' && read_block(text, at, true, arena, block)) return true;
  return false;
}

}  // namespace winnow
