// Evaluates a Program (engine/score/model.h) over the values of its atoms.
//
// Layout. Reverse Polish notation; kAnd, kOr, kPlus, kTimes take `arity` operands. As
// link_program() writes into each operand which kAnd or kOr it feeds, an operand that decides its
// parent (0 for kAnd, not 0 for kOr) drops its elder brothers from the stack and jumps to the
// parent: what is to the right is not looked at.
//
// Numbers. `one` is the value of "true" and the unit of products: 1 for regexp rules (counts), a
// million for composites, whose atoms and constants are micro-points. So sums and comparisons of
// scores are exact. A logical operator or comparison gives 0 or `one`; x / 0 and whatever is not
// finite give 0.
#pragma once

#include <cassert>
#include <cmath>

#include "engine/score/model.h"

namespace winnow {

// Values that stand on the stack at once; the parser refuses what would need more.
constexpr uint32_t kProgramStackMax = 128;

// Fills parent and operand of every instruction. False where the program is malformed (an operand
// missing or left over) or needs more than kProgramStackMax values.
bool link_program(Program& program);

namespace score_detail {

inline double finite_or_zero(double value) { return std::isfinite(value) ? value : 0; }

// Result of operator `in` over its operands `v` (v[0] first).
double apply(const Instruction& in, const double* v, double one);

}  // namespace score_detail

// Value of `program`; `value_of(uint32_t atom)` gives a finite double. Does not allocate.
// REQUIRED: link_program() said yes. An empty program is 0.
template <class ValueOf>
double evaluate(const Program& program, double one, ValueOf&& value_of) {
  double stack[kProgramStackMax];
  uint32_t top = 0;
  const auto size = static_cast<uint32_t>(program.size());
  for (uint32_t i = 0; i < size; ++i) {
    double value;
    if (program[i].op == Op::kAtom) {
      value = value_of(program[i].atom);
    } else if (program[i].op == Op::kNumber) {
      value = program[i].number;
    } else {
      top -= program[i].arity;
      value = score_detail::apply(program[i], stack + top, one);
    }
    while (program[i].parent != kNoIndex) {
      const uint32_t parent = program[i].parent;
      const bool is_and = program[parent].op == Op::kAnd;
      if (is_and != (value == 0)) break;
      top -= program[i].operand;
      value = is_and ? 0 : one;
      i = parent;
    }
    stack[top++] = value;
  }
  return top == 0 ? 0 : stack[top - 1];
}

}  // namespace winnow
