#include "engine/mime/yenc.h"

#include <array>
#include <charconv>
#include <cstdint>

#include "engine/mime/line_scan.h"

namespace winnow {

namespace {

constexpr std::array<uint32_t, 256> make_crc_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0u);
    table[i] = crc;
  }
  return table;
}
constexpr std::array<uint32_t, 256> kCrcTable = make_crc_table();

uint32_t crc32(std::string_view bytes) {
  uint32_t crc = 0xFFFFFFFFu;
  for (char c : bytes) crc = kCrcTable[(crc ^ static_cast<uint8_t>(c)) & 0xff] ^ crc >> 8;
  return ~crc;
}

// Value of " key=" in a header line up to the next blank; `name` takes the rest of the line.
std::string_view field(std::string_view line, std::string_view key) {
  const bool to_end = key == " name=";
  size_t at = line.find(key);
  if (at == std::string_view::npos) return {};
  at += key.size();
  if (to_end) return line.substr(at);
  const size_t end = line.find(' ', at);
  return line.substr(at, end == std::string_view::npos ? end : end - at);
}

bool number(std::string_view text, int base, uint64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return error == std::errc{} && end != text.data();
}

char* decode_line(std::string_view line, char* out) {
  for (size_t i = 0; i < line.size(); ++i) {
    uint8_t c = static_cast<uint8_t>(line[i]);
    if (c == '=' && i + 1 < line.size()) c = static_cast<uint8_t>(line[++i] - 64);
    *out++ = static_cast<char>(c - 42);
  }
  return out;
}

bool agrees(std::string_view end_line, std::string_view bytes, bool multipart) {
  uint64_t value = 0;
  if (!number(field(end_line, " size="), 10, value) || value != bytes.size()) return false;
  const std::string_view crc = field(end_line, multipart ? " pcrc32=" : " crc32=");
  return crc.empty() || (number(crc, 16, value) && value == crc32(bytes));
}

}  // namespace

bool read_yenc(std::string_view text, size_t at, Arena& arena, EncodedBlock& block) {
  const size_t begin = at;
  const size_t begin_end = line_end(text, at);
  const std::string_view head = text.substr(at, begin_end - at);
  if (!head.starts_with("=ybegin ") || field(head, " line=").empty() ||
      field(head, " size=").empty())
    return false;
  block = EncodedBlock{};
  block.broken = true;
  block.filename = block_name(field(head, " name="));
  at = past_line_end(text, begin_end);
  char* const out = arena.alloc_bytes(text.size() - at);
  char* to = out;
  bool multipart = false;
  while (at < text.size()) {
    const size_t end = line_end(text, at);
    const std::string_view line = text.substr(at, end - at);
    at = past_line_end(text, end);
    if (line.starts_with("=ypart ")) {
      multipart = true;
    } else if (line.starts_with("=yend")) {
      block.broken = !agrees(line, {out, static_cast<size_t>(to - out)}, multipart);
      break;
    } else {
      to = decode_line(line, to);
    }
  }
  arena.shrink_to(to);
  block.bytes = {out, static_cast<size_t>(to - out)};
  block.block = text.substr(begin, at - begin);
  return true;
}

bool find_yenc(std::string_view text, Arena& arena, EncodedBlock& block) {
  for (size_t at = find_inline_mark(text, 0); at != std::string_view::npos;
       at = find_inline_mark(text, at + 1))
    if (text[at] == '=' && read_yenc(text, at, arena, block)) return true;
  return false;
}

}  // namespace winnow
