// Bytes as lower-case hexadecimal digits.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace winnow {

// Appends two digits a byte.
inline void append_hex(std::span<const uint8_t> bytes, std::string& out) {
  constexpr char kDigits[] = "0123456789abcdef";
  for (const uint8_t byte : bytes) {
    out.push_back(kDigits[byte >> 4]);
    out.push_back(kDigits[byte & 15]);
  }
}

inline void append_hex(std::string_view bytes, std::string& out) {
  append_hex({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, out);
}

}  // namespace winnow
