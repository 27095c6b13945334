// The table is made by make_entity_table.py: all names in one string, rows {offset, length, works
// without semicolon, code points}, and an open-addressing table of row numbers. A name is the
// longest run of letters and digits; where that with its ';' is no name, the names that need no
// ';' (2 to 6 letters) are tried from the longest, as the standard's tokenizer would find them.
#include "engine/html/entities.h"

#include <algorithm>
#include <cstddef>

namespace winnow {

namespace {

struct EntityRow {
  uint16_t offset;
  uint8_t length;
  uint8_t bare;  // also a reference without ';'
  uint32_t first;
  uint32_t second;
};

#include "engine/html/entity_table.inc"

constexpr size_t kNameMax = 31;
constexpr size_t kBareMin = 2;
constexpr size_t kBareMax = 6;

const EntityRow* find_name(std::string_view name) {
  uint32_t hash = 0;
  for (const char c : name) hash = hash * 31 + static_cast<uint8_t>(c);
  constexpr size_t mask = std::size(kEntitySlots) - 1;
  for (size_t slot = hash * 0x9E3779B1u >> 20; kEntitySlots[slot] != 0; slot = (slot + 1) & mask) {
    const EntityRow& row = kEntityRows[kEntitySlots[slot] - 1];
    if (std::string_view(kEntityNames + row.offset, row.length) == name) return &row;
  }
  return nullptr;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alnum(char c) { return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'); }

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

uint32_t number_point(uint32_t value) {
  // HTML standard 13.2.5.80; the holes of windows-1252 stay C1 controls.
  static constexpr uint16_t kWindows1252[32] = {
      0x20AC, 0x81,   0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
      0x2039, 0x0152, 0x8D,   0x017D, 0x8F,   0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
      0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D,   0x017E, 0x0178};
  if (value >= 0x80 && value < 0xA0) return kWindows1252[value - 0x80];
  if (value == 0 || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) return 0xFFFD;
  return value;
}

Entity read_number(std::string_view text) {
  size_t at = 2;
  const bool hex = at < text.size() && (text[at] | 0x20) == 'x';
  at += hex;
  const size_t digits = at;
  uint32_t value = 0;
  for (; at < text.size(); ++at) {
    const int digit = hex ? hex_value(text[at]) : is_digit(text[at]) ? text[at] - '0' : -1;
    if (digit < 0) break;
    value = std::min<uint32_t>(value * (hex ? 16 : 10) + static_cast<uint32_t>(digit), 0x110000);
  }
  if (at == digits) return {};
  if (at < text.size() && text[at] == ';') ++at;
  return {static_cast<uint32_t>(at), number_point(value), 0};
}

}  // namespace

Entity read_entity(std::string_view text, bool attribute) {
  if (text.size() > 2 && text[1] == '#') return read_number(text);
  const size_t most = std::min(text.size() - 1, kNameMax + 1);
  size_t length = 0;
  while (length < most && is_alnum(text[1 + length])) ++length;
  if (length < kBareMin) return {};
  if (length <= kNameMax && length + 1 < text.size() && text[length + 1] == ';') {
    if (const EntityRow* row = find_name(text.substr(1, length))) {
      return {static_cast<uint32_t>(length + 2), row->first, row->second};
    }
  }
  for (size_t n = std::min(length, kBareMax); n >= kBareMin; --n) {
    const EntityRow* row = find_name(text.substr(1, n));
    if (row == nullptr || !row->bare) continue;
    const char next = n + 1 < text.size() ? text[n + 1] : ' ';
    if (attribute && (next == '=' || is_alnum(next))) return {};
    return {static_cast<uint32_t>(n + 1), row->first, row->second};
  }
  return {};
}

}  // namespace winnow
