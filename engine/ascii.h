// Letters and blanks of ASCII, as protocols, names and configuration have them; other bytes stay as
// they are. Never of a locale.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "engine/arena.h"

namespace winnow {

constexpr char lower_ascii(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
constexpr char upper_ascii(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }

// Copies: for names and options, not for every message.
inline std::string lowered(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), lower_ascii);
  return out;
}
inline std::string uppered(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), upper_ascii);
  return out;
}

// Copies into the arena; lowered() gives the text itself where nothing is to be changed.
inline std::string_view lowered_copy(std::string_view text, Arena& arena) {
  char* const to = arena.alloc_bytes(text.size());
  std::ranges::transform(text, to, lower_ascii);
  return {to, text.size()};
}
inline std::string_view lowered(std::string_view text, Arena& arena) {
  const auto is_upper = [](char c) { return lower_ascii(c) != c; };
  return std::ranges::any_of(text, is_upper) ? lowered_copy(text, arena) : text;
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

// Where `what` begins, npos where it is nowhere.
inline size_t find_caseless(std::string_view text, std::string_view what) {
  if (what.empty()) return 0;
  for (size_t i = 0; i + what.size() <= text.size(); ++i)
    if (equal_caseless(text.substr(i, what.size()), what)) return i;
  return std::string_view::npos;
}

constexpr bool is_blank_ascii(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// The text without the blanks, or these `blanks`, at both of its ends.
constexpr std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank_ascii(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank_ascii(text.back())) text.remove_suffix(1);
  return text;
}
constexpr std::string_view trimmed(std::string_view text, std::string_view blanks) {
  const size_t begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

}  // namespace winnow
