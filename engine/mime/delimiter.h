// Delimiter lines of multiparts (RFC 2046 5.1.1): "--" boundary ["--"] blanks.
#pragma once

#include <cstdint>
#include <string_view>

namespace winnow {

struct DelimiterRules {
  bool cr_lines = false;  // CR alone is a line end
  bool prefix = false;    // what follows the boundary on its line does not matter
};

struct Delimiter {
  static constexpr size_t kNone = static_cast<size_t>(-1);
  size_t line = kNone;  // offset of its "--"
  size_t after = 0;     // first byte of the next line
  bool closing = false;
  bool found() const { return line != kNone; }
};

// What the rules passed over and other rules would have taken.
struct DelimiterDoubts {
  bool bare_cr = false;
  bool prefix = false;
};

// First delimiter line at or after `from`, which must be the start of a line. Linear.
Delimiter find_delimiter(std::string_view text, size_t from, std::string_view boundary,
                         const DelimiterRules& rules, DelimiterDoubts& doubts);

// End of what stands before a delimiter line at `line`: without the line end that belongs to it.
size_t before_delimiter(std::string_view text, size_t begin, size_t line);

// The boundary that a body without a known one seems to be cut at: the first "--X" line that is
// followed by a Content-* header; empty = none. Looks at a bounded number of lines.
std::string_view guess_boundary(std::string_view body);

}  // namespace winnow
