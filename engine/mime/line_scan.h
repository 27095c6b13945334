// Where lines start that may matter: one pass of SSE2 over a body instead of a walk over lines.
//
// A line starts at the beginning of the text and after CR or LF (the caller knows whether a bare
// CR ends a line in the reading it makes). Each function has a scalar twin with the same answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace winnow {

// First place at or after `from` where a line starts with "--"; npos = none.
// `from` itself counts as a line start only if it is 0 or follows CR or LF.
size_t find_dash_line(std::string_view text, size_t from);
size_t find_dash_line_scalar(std::string_view text, size_t from);

// First place at or after `from` where a line starts with "be" (uuencode), "=y" (yEnc) or
// "---" (PGP); npos = none.
size_t find_inline_mark(std::string_view text, size_t from);
size_t find_inline_mark_scalar(std::string_view text, size_t from);

// End of the line that holds `at`: the position of its CR or LF, or the size of the text.
size_t line_end(std::string_view text, size_t at);
// Start of the line after the line end at `at` (CRLF is one line end).
inline size_t past_line_end(std::string_view text, size_t at) {
  if (at >= text.size()) return text.size();
  return at + (text[at] == '\r' && at + 1 < text.size() && text[at + 1] == '\n' ? 2 : 1);
}

struct LineCounts {
  size_t lf = 0;    // LF not after CR
  size_t crlf = 0;  // CR LF
  size_t cr = 0;    // CR not before LF
  size_t nul = 0;   // NUL bytes
};
LineCounts count_lines(std::string_view text);
LineCounts count_lines_scalar(std::string_view text);

}  // namespace winnow
