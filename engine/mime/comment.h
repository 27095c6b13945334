// Where a comment of a structured header ends (RFC 5322 3.2.2).
#pragma once

#include <cstddef>
#include <string_view>

namespace winnow {

// One past the comment that opens at text[at]: nested ones inside are counted, not recursed into,
// and a backslash quotes what follows. npos = it never closes. One walk over what it covers: a
// caller that goes on behind an open one must not ask again for the next "(".
constexpr size_t past_comment(std::string_view text, size_t at) {
  size_t depth = 0;
  for (; at < text.size(); ++at) {
    if (text[at] == '\\')
      ++at;
    else if (text[at] == '(')
      ++depth;
    else if (text[at] == ')' && --depth == 0)
      return at + 1;
  }
  return std::string_view::npos;
}

}  // namespace winnow
