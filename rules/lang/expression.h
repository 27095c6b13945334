// Expressions as Rspamd's configuration writes them, in regexp rules and in composites.
//
// Grammar, by falling precedence (facts/scoring.md, "Expressions"):
//   operand   = ATOM | NUMBER | "(" or ")" | ("!" | "not") operand
//   product   = operand { ("*" | "/") operand }
//   sum       = product { ("+" | "-") product }
//   compare   = sum { (">" | ">=" | "<" | "<=" | "==" | "!=") sum }
//   and       = compare { ("&" | "&&" | "and") compare }
//   or        = and { ("|" | "||" | "or") and }
// A NUMBER is one only directly after an arithmetic operator or a comparison; anywhere else
// digits begin an atom. Words are operators in any case. What an atom looks like depends on the
// dialect (rules/lang/expression_atom.h).
//
// One pass with an operator stack; chains of the same operator become one n-ary instruction (of
// at most 32 operands, then they nest to the left). Bounded and not recursive.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

#include "engine/result.h"
#include "engine/score/model.h"

namespace winnow {

enum class ExpressionDialect : uint8_t { kRegexp, kComposite };

constexpr size_t kExpressionBytesMax = 1 << 18;
constexpr size_t kExpressionDepthMax = 100;  // open parentheses and negations

// Gives the index of the atom written as `text`, which begins at 0-based byte `column`. An error
// without a column gets the atom's.
using AtomSink = std::function<Result<uint32_t>(std::string_view text, size_t column)>;

// Parses `text` into a linked program (ready for evaluate()). Atoms are handed to `atom` from left
// to right. Errors carry the 1-based column; file and line are the caller's.
Result<Program> parse_expression(std::string_view text, ExpressionDialect dialect,
                                 const AtomSink& atom);

}  // namespace winnow
