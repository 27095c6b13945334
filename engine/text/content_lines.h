// Content lines of calendars (RFC 5545 3.1, 3.3.11) and cards (RFC 6350 3.2, 3.4): a line break
// with a blank behind it is inside a word, a backslash stands before what would be syntax.
#pragma once

#include <string_view>

#include "engine/arena.h"

namespace winnow {

// The text as its writer meant it: folds gone, "\n" a line end, "\," "\;" "\\" the byte itself,
// other backslashes as they are. In the arena where anything changes, never longer than `text`.
std::string_view read_content_lines(std::string_view text, Arena& arena);

}  // namespace winnow
