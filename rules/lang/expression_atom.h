// Where an atom of an expression ends.
//
// Regexp dialect:   [NAME "=" | NAME "=~"] REGEXP | NAME | NAME "(" arguments ")" ...
//   REGEXP = "/" ... "/" flags [["$"] "{" type "}" flags | "$"]; other delimiters as `m!...!`,
//   `m{...}`.
//   Arguments may hold quoted text and regexps with any brackets in them.
// Composite dialect: { "~" | "-" | "^" } NAME ["[" option { "," option } "]"]
//   An option is text, or a regexp which may hold commas and brackets. `g:`, `g+:` and `g-:` name
//   groups. A "-" between two characters of a name belongs to it; a minus needs a blank.
#pragma once

#include <cstddef>
#include <string_view>

#include "engine/result.h"
#include "rules/lang/expression.h"

namespace winnow {

// One past the last byte of the atom that begins at `text[begin]`. Linear. Errors carry the column.
Result<size_t> scan_atom(std::string_view text, size_t begin, ExpressionDialect dialect);

// One past the last byte of the regexp (delimiters, flags and type included) at `begin`; `begin`
// itself where none begins there.
Result<size_t> scan_regexp(std::string_view text, size_t begin);

}  // namespace winnow
