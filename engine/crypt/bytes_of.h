// Texts as the bytes that libraries of cryptography ask for.
#pragma once

#include <string>
#include <string_view>

namespace winnow {

inline const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
inline unsigned char* bytes_of(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

}  // namespace winnow
