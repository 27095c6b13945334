#include "engine/crypt/base64_text.h"

#include <cstdint>

namespace winnow {

namespace {
constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
}

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

std::string decode_base64_text(std::string_view text) {
  std::string out;
  uint32_t bits = 0;
  size_t digits = 0, padding = 0;
  for (const char c : text) {
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') continue;
    if (c == '=') {
      if (++padding > 2) return {};
      continue;
    }
    const size_t value = kDigits.find(c);
    if (value == std::string_view::npos || padding > 0) return {};
    bits = bits << 6 | static_cast<uint32_t>(value);
    if (++digits % 4 == 1) continue;
    const uint32_t shift = digits % 4 == 2 ? 4 : digits % 4 == 3 ? 2 : 0;
    out.push_back(static_cast<char>(bits >> shift & 255u));
  }
  return digits % 4 == 1 ? std::string() : out;
}

}  // namespace winnow
