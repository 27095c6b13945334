#include "engine/score/evaluate.h"

namespace winnow {

bool link_program(Program& program) {
  uint32_t roots[kProgramStackMax];  // instruction that made each value on the stack
  uint32_t top = 0;
  for (uint32_t i = 0; i < program.size(); ++i) {
    Instruction& in = program[i];
    in.parent = kNoIndex;
    in.operand = 0;
    if (in.op == Op::kAtom || in.op == Op::kNumber) {
      in.arity = 0;
    } else {
      if (in.arity == 0 || in.arity > top) return false;
      top -= in.arity;
      if (in.op == Op::kAnd || in.op == Op::kOr) {
        for (uint32_t k = 0; k + 1 < in.arity; ++k) {
          program[roots[top + k]].parent = i;
          program[roots[top + k]].operand = k;
        }
      } else if (in.op == Op::kNot) {
        if (in.arity != 1) return false;
      } else if (in.op != Op::kPlus && in.op != Op::kTimes && in.arity != 2) {
        return false;
      }
    }
    if (top == kProgramStackMax) return false;
    roots[top++] = i;
  }
  return top <= 1;
}

namespace score_detail {

double apply(const Instruction& in, const double* v, double one) {
  double out = v[0];
  switch (in.op) {
    case Op::kAtom:
    case Op::kNumber:
      return 0;
    case Op::kNot:
      return v[0] == 0 ? one : 0;
    case Op::kAnd:
      for (uint32_t k = 0; k < in.arity; ++k)
        if (v[k] == 0) return 0;
      return one;
    case Op::kOr:
      for (uint32_t k = 0; k < in.arity; ++k)
        if (v[k] != 0) return one;
      return 0;
    case Op::kPlus:
      for (uint32_t k = 1; k < in.arity; ++k) out += v[k];
      return finite_or_zero(out);
    case Op::kTimes:
      for (uint32_t k = 1; k < in.arity; ++k) out = out * v[k] / one;
      return finite_or_zero(out);
    case Op::kMinus:
      return finite_or_zero(v[0] - v[1]);
    case Op::kDivide:
      return v[1] == 0 ? 0 : finite_or_zero(v[0] * one / v[1]);
    case Op::kLess:
      return v[0] < v[1] ? one : 0;
    case Op::kLessEqual:
      return v[0] <= v[1] ? one : 0;
    case Op::kGreater:
      return v[0] > v[1] ? one : 0;
    case Op::kGreaterEqual:
      return v[0] >= v[1] ? one : 0;
    case Op::kEqual:
      return v[0] == v[1] ? one : 0;
    case Op::kNotEqual:
      return v[0] != v[1] ? one : 0;
  }
  return 0;
}

}  // namespace score_detail
}  // namespace winnow
