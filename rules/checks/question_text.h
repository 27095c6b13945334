// Reading what a check wrote into the text of a question: words parted by single blanks.
#pragma once

#include <algorithm>
#include <charconv>
#include <string_view>
#include <system_error>

namespace winnow {

// The first word of `text`, which loses it and the blank behind it.
inline std::string_view cut_word(std::string_view& text) {
  const std::string_view word = text.substr(0, text.find(' '));
  text.remove_prefix(std::min(word.size() + 1, text.size()));
  return word;
}

// The same for a number; false where the word is none, or too large.
template <class T>
bool cut_number(std::string_view& text, T& value) {
  const std::string_view word = cut_word(text);
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  return error == std::errc() && end == word.data() + word.size();
}

}  // namespace winnow
