// Whole numbers least byte first, whatever the machine: as files and keys of ours hold them, and as
// archives and containers do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace winnow {

// Appends the sizeof(Number) bytes of a whole number.
template <class Number>
void append_little(std::string& out, Number value) {
  char bytes[sizeof value];
  for (size_t i = 0; i < sizeof value; ++i)
    bytes[i] = static_cast<char>(static_cast<uint64_t>(value) >> (8 * i) & 0xFF);
  out.append(bytes, sizeof value);
}

// REQUIRED: sizeof(Number) bytes stand there.
template <class Number>
Number read_little(const char* from) {
  uint64_t value = 0;
  for (size_t i = 0; i < sizeof(Number); ++i)
    value |= static_cast<uint64_t>(static_cast<unsigned char>(from[i])) << (8 * i);
  return static_cast<Number>(value);
}

// A number of `width` bytes, at most 8, within bytes of a stranger; 0 beyond their end.
inline uint64_t little(std::string_view bytes, size_t at, size_t width) {
  uint64_t value = 0;
  if (at > bytes.size() || width > bytes.size() - at) return 0;
  for (size_t i = 0; i < width; ++i)
    value |= uint64_t{static_cast<uint8_t>(bytes[at + i])} << (8 * i);
  return value;
}

}  // namespace winnow
