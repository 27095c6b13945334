// Small text questions that many checks ask. No allocation but in the batch's arena.
#pragma once

#include <algorithm>
#include <charconv>
#include <string_view>

#include "engine/arena.h"
#include "engine/ascii.h"

namespace winnow {

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
