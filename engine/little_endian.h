// Whole numbers as files and keys of ours hold them: least byte first, whatever the machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

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

}  // namespace winnow
