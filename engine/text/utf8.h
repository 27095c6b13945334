// UTF-8 basics: validation, decoding, encoding. Validation is SSSE3 (x86-64-v2) with a scalar
// twin that gives the same answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace winnow {

constexpr uint32_t kReplacement = 0xFFFD;

// Whether `bytes` are valid UTF-8 (RFC 3629: no surrogates, no overlong forms, at most U+10FFFF).
bool is_utf8(std::string_view bytes);
bool is_utf8_scalar(std::string_view bytes);  // the twin

// Length of the leading run of bytes under 128.
size_t ascii_prefix(std::string_view bytes);
inline bool is_ascii(std::string_view bytes) { return ascii_prefix(bytes) == bytes.size(); }

// Decodes one code point of *valid* UTF-8 at `at` and moves past it. REQUIRED: at < end.
inline uint32_t next_point(const char*& at) {
  const auto byte = [&](int i) { return static_cast<uint32_t>(static_cast<uint8_t>(at[i])); };
  const uint32_t lead = byte(0);
  if (lead < 0x80) return ++at, lead;
  if (lead < 0xE0) {
    const uint32_t point = (lead & 0x1F) << 6 | (byte(1) & 0x3F);
    return at += 2, point;
  }
  if (lead < 0xF0) {
    const uint32_t point = (lead & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
    return at += 3, point;
  }
  const uint32_t point =
      (lead & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F);
  return at += 4, point;
}

// Writes `point` (a scalar value) at `to`, which has room for four bytes; returns the length.
inline size_t put_point(char* to, uint32_t point) {
  if (point < 0x80) return to[0] = static_cast<char>(point), 1;
  if (point < 0x800) {
    to[0] = static_cast<char>(0xC0 | point >> 6);
    to[1] = static_cast<char>(0x80 | (point & 0x3F));
    return 2;
  }
  if (point < 0x10000) {
    to[0] = static_cast<char>(0xE0 | point >> 12);
    to[1] = static_cast<char>(0x80 | (point >> 6 & 0x3F));
    to[2] = static_cast<char>(0x80 | (point & 0x3F));
    return 3;
  }
  to[0] = static_cast<char>(0xF0 | point >> 18);
  to[1] = static_cast<char>(0x80 | (point >> 12 & 0x3F));
  to[2] = static_cast<char>(0x80 | (point >> 6 & 0x3F));
  to[3] = static_cast<char>(0x80 | (point & 0x3F));
  return 4;
}

// Length of the valid sequence at the start of `bytes` (1-4), or 0 if it is none.
size_t sequence_length(std::string_view bytes);

// Length of the maximal broken sequence at the start of `bytes` (what becomes one U+FFFD by the
// practice of Unicode 3.9). REQUIRED: not empty and not valid there.
size_t broken_length(std::string_view bytes);

}  // namespace winnow
