#include "engine/crypt/base64_text.h"

#include <array>
#include <cstdint>

namespace winnow {

namespace {
constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// -1: no digit of base64 (RFC 4648 4).
constexpr std::array<int8_t, 256> kSextets = [] {
  std::array<int8_t, 256> table{};
  table.fill(-1);
  for (size_t i = 0; i < kDigits.size(); ++i)
    table[static_cast<uint8_t>(kDigits[i])] = static_cast<int8_t>(i);
  return table;
}();
int sextet(char c) { return kSextets[static_cast<uint8_t>(c)]; }

}  // namespace

std::string encode_base64_text(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t bits = 0;
    for (size_t k = 0; k < 3; ++k)
      bits = bits << 8 | (i + k < bytes.size() ? static_cast<uint8_t>(bytes[i + k]) : 0u);
    for (size_t k = 0; k < 4; ++k)
      out.push_back(i + k > bytes.size() ? '=' : kDigits[bits >> (18 - 6 * k) & 63]);
  }
  return out;
}

size_t decode_base64_text(std::string_view text, char* to, size_t to_bytes) {
  uint32_t bits = 0;
  size_t digits = 0, padding = 0, size = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    // Four digits in a row, as most stand, are three bytes.
    while (digits % 4 == 0 && padding == 0 && text.size() - at >= 4 && to_bytes - size >= 3) {
      const int a = sextet(text[at]), b = sextet(text[at + 1]);
      const int c = sextet(text[at + 2]), d = sextet(text[at + 3]);
      if ((a | b | c | d) < 0) break;
      to[size] = static_cast<char>(a << 2 | b >> 4);
      to[size + 1] = static_cast<char>(b << 4 | c >> 2);
      to[size + 2] = static_cast<char>(c << 6 | d);
      size += 3;
      at += 4;
    }
    if (at == text.size()) break;
    const char c = text[at];
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') continue;
    if (c == '=') {
      if (++padding > 2) return SIZE_MAX;
      continue;
    }
    const int value = sextet(c);
    if (value < 0 || padding > 0) return SIZE_MAX;
    bits = bits << 6u | static_cast<uint32_t>(value);
    if (++digits % 4 == 1) continue;
    if (size == to_bytes) return SIZE_MAX;
    const uint32_t shift = digits % 4 == 2 ? 4 : digits % 4 == 3 ? 2 : 0;
    to[size++] = static_cast<char>(bits >> shift);
  }
  return digits % 4 == 1 ? SIZE_MAX : size;
}

std::string decode_base64_text(std::string_view text) {
  std::string out(text.size() / 4 * 3 + 3, '\0');
  const size_t size = decode_base64_text(text, out.data(), out.size());
  out.resize(size == SIZE_MAX ? 0 : size);
  return out;
}

}  // namespace winnow
