#include "engine/match/utf8_valid.h"

#include <emmintrin.h>

#include <cstdint>

namespace winnow {

namespace {

const char* skip_ascii(const char* at, const char* end) {
  for (; end - at >= 16; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const int high = _mm_movemask_epi8(bytes);
    if (high != 0) return at + __builtin_ctz(static_cast<unsigned>(high));
  }
  while (at != end && static_cast<unsigned char>(*at) < 0x80) ++at;
  return at;
}

// Length of the valid sequence at `at`, whose first byte is over 0x7F; 0 = broken.
size_t sequence(const char* at, const char* end) {
  const auto byte = [&](int i) { return static_cast<unsigned char>(at[i]); };
  const auto continues = [&](int i) { return (byte(i) & 0xC0) == 0x80; };
  const auto left = end - at;
  const unsigned first = byte(0);
  if (first < 0xC2) return 0;
  if (first < 0xE0) return left >= 2 && continues(1) ? 2 : 0;
  if (first < 0xF0) {
    if (left < 3 || !continues(1) || !continues(2)) return 0;
    if (first == 0xE0 && byte(1) < 0xA0) return 0;
    if (first == 0xED && byte(1) > 0x9F) return 0;
    return 3;
  }
  if (first > 0xF4 || left < 4 || !continues(1) || !continues(2) || !continues(3)) return 0;
  if (first == 0xF0 && byte(1) < 0x90) return 0;
  if (first == 0xF4 && byte(1) > 0x8F) return 0;
  return 4;
}

}  // namespace

bool is_valid_utf8(std::string_view text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    at = skip_ascii(at, end);
    while (at != end && static_cast<unsigned char>(*at) >= 0x80) {
      const size_t bytes = sequence(at, end);
      if (bytes == 0) return false;
      at += bytes;
    }
  }
  return true;
}

}  // namespace winnow
