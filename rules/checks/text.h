// Small text questions that many checks ask. No allocation but in the batch's arena; lowered() is
// for options.
#pragma once

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>

#include "engine/arena.h"

namespace winnow {

constexpr char lower_ascii(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

inline std::string lowered(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), lower_ascii);
  return out;
}

inline bool equal_caseless(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (lower_ascii(a[i]) != lower_ascii(b[i])) return false;
  return true;
}

inline bool starts_caseless(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && equal_caseless(text.substr(0, prefix.size()), prefix);
}

inline size_t find_caseless(std::string_view text, std::string_view what) {
  if (what.empty()) return 0;
  for (size_t i = 0; i + what.size() <= text.size(); ++i)
    if (equal_caseless(text.substr(i, what.size()), what)) return i;
  return std::string_view::npos;
}

// The number in decimal, in the arena: an option of a symbol.
inline std::string_view number_text(Arena& arena, int64_t value) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  return arena.copy({digits, static_cast<size_t>(end - digits)});
}

// The texts one after the other, in the arena.
template <class... Texts>
std::string_view join_text(Arena& arena, Texts... texts) {
  const size_t size = (std::string_view(texts).size() + ...);
  char* const to = arena.alloc_bytes(size);
  char* at = to;
  ((at = std::copy_n(std::string_view(texts).data(), std::string_view(texts).size(), at)), ...);
  return {to, size};
}

}  // namespace winnow
