// Character references of HTML: named (all 2,125, HTML standard 13.5) and numeric.
#pragma once

#include <cstdint>
#include <string_view>

namespace winnow {

struct Entity {
  uint32_t length = 0;  // bytes of input it takes, from '&' on; 0 = no reference stands here
  uint32_t first = 0;   // code point
  uint32_t second = 0;  // of the few that are two code points; 0 = none
};

// Reads the reference at the start of `text`. The semicolon may be missing where browsers allow it;
// inside an attribute's value (`attribute`) a name without one is none when a letter, a digit or
// '=' follows, so that "?a=1&copy=2" stays. Numbers 128-159 are read as windows-1252; 0, surrogates
// and what is over U+10FFFF become U+FFFD. At most 6 bytes of UTF-8 come from 5 bytes of input.
// REQUIRED: text[0] == '&'.
Entity read_entity(std::string_view text, bool attribute);

}  // namespace winnow
