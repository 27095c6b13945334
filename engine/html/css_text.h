// The text of CSS before anything is known of its properties: comments, escapes, strings, brackets
// (CSS Syntax 3, sections 4 and 5).
#pragma once

#include <string_view>
#include <vector>

namespace winnow {

// `css` with a blank for each comment and, with `escapes`, what its escapes stand for, made in
// `scratch` if there are any: a comment separates what stands around it (CSS Syntax 3, 4.3.2). An
// escaped byte that belongs to no name here becomes '?', which no name has.
std::string_view clean_css(std::string_view css, bool escapes, std::vector<char>& scratch);

// The first byte of `stops` outside strings, url(...), escapes and brackets, or `end`. `stops` are
// some of "{});,". REQUIRED: no comments.
const char* find_css(const char* at, const char* end, std::string_view stops);

}  // namespace winnow
