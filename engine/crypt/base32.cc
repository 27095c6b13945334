#include "engine/crypt/base32.h"

#include <cstdint>

namespace winnow {

namespace {
constexpr std::string_view kAlphabet = "ybndrfg8ejkmcpqxot1uwisza345h769";
}  // namespace

std::string base32_encode(std::string_view bytes) {
  std::string out;
  uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : bytes) {
    bits |= static_cast<uint32_t>(static_cast<uint8_t>(c)) << count;
    count += 8;
    for (; count >= 5; count -= 5, bits >>= 5) out += kAlphabet[bits & 31];
  }
  if (count > 0) out += kAlphabet[bits & 31];
  return out;
}

std::optional<std::string> base32_decode(std::string_view text) {
  std::string out;
  uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    const char low = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const size_t at = kAlphabet.find(low);
    if (at == std::string_view::npos) return std::nullopt;
    bits |= static_cast<uint32_t>(at) << count;
    count += 5;
    if (count < 8) continue;
    out += static_cast<char>(bits & 255);
    bits >>= 8;
    count -= 8;
  }
  return bits == 0 ? std::optional(out) : std::nullopt;
}

}  // namespace winnow
