#include "rules/lang/expression.h"

#include <charconv>
#include <vector>

#include "engine/ascii.h"
#include "engine/score/evaluate.h"
#include "rules/lang/expression_atom.h"

namespace winnow {

namespace {

constexpr uint32_t kArityMax = 32;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

int precedence(Op op) {
  switch (op) {
    case Op::kOr:
      return 1;
    case Op::kAnd:
      return 2;
    case Op::kPlus:
    case Op::kMinus:
      return 4;
    case Op::kTimes:
    case Op::kDivide:
      return 5;
    case Op::kNot:
      return 6;
    default:
      return 3;
  }
}

bool chains(Op op) {
  return op == Op::kAnd || op == Op::kOr || op == Op::kPlus || op == Op::kTimes;
}

struct Pending {  // on the operator stack
  Op op;
  uint32_t arity = 2;
  bool paren = false;
  size_t column = 0;
};

class Parser {
 public:
  Parser(std::string_view text, ExpressionDialect dialect, const AtomSink& atom)
      : text_(text), dialect_(dialect), atom_(atom) {}

  Result<Program> run() {
    if (text_.size() > kExpressionBytesMax) return error(0, "the expression is too long");
    for (;;) {
      while (pos_ < text_.size() && is_blank(text_[pos_])) ++pos_;
      if (pos_ == text_.size()) break;
      Result<void> step = wants_operand_ ? operand() : binary();
      if (!step) return fail(std::move(step.error()));
    }
    if (wants_operand_) return error(pos_, "the expression ends where an atom must stand");
    while (!pending_.empty()) {
      if (pending_.back().paren) return error(pending_.back().column, "'(' is not closed");
      emit_top();
    }
    if (!link_program(program_)) return error(0, "the expression is nested too deeply");
    return std::move(program_);
  }

 private:
  tl::unexpected<Error> error(size_t column, std::string what) const {
    return fail(Error{.what = std::move(what), .column = static_cast<unsigned>(column + 1)});
  }

  // Whether `what` stands here as a whole word, in whatever case.
  bool word(std::string_view what) const {
    if (!starts_caseless(text_.substr(pos_), what)) return false;
    if (pos_ + what.size() == text_.size()) return true;
    const char next = text_[pos_ + what.size()];
    return is_blank(next) || next == '(' || next == ')' || next == '!';
  }

  bool open_below(size_t limit) {
    if (depth_ >= limit) return false;
    ++depth_;
    return true;
  }

  Result<void> push_open(Pending pending, size_t bytes) {
    if (!open_below(kExpressionDepthMax)) return error(pos_, "the expression is nested too deeply");
    pending.column = pos_;
    pending_.push_back(pending);
    pos_ += bytes;
    after_numeric_ = false;
    return {};
  }

  Result<void> operand() {
    const char c = text_[pos_];
    if (c == '!') return push_open({Op::kNot, 1}, 1);
    if (word("not")) return push_open({Op::kNot, 1}, 3);
    if (c == '(') return push_open({Op::kNot, 0, true}, 1);
    if (after_numeric_ && number()) {
      wants_operand_ = after_numeric_ = false;
      return {};
    }
    Result<size_t> end = scan_atom(text_, pos_, dialect_);
    if (!end) return fail(std::move(end.error()));
    Result<uint32_t> atom = atom_(text_.substr(pos_, *end - pos_), pos_);
    if (!atom) {
      if (atom.error().column == 0) atom.error().column = static_cast<unsigned>(pos_ + 1);
      return fail(std::move(atom.error()));
    }
    program_.push_back({.op = Op::kAtom, .arity = 0, .atom = *atom});
    pos_ = *end;
    wants_operand_ = after_numeric_ = false;
    return {};
  }

  bool number() {
    const size_t sign = text_[pos_] == '-' || text_[pos_] == '+' ? 1 : 0;
    const size_t first = pos_ + sign;
    if (first >= text_.size() || !(is_digit(text_[first]) || text_[first] == '.')) return false;
    double value = 0;
    const char* begin = text_.data() + first;
    const auto [end, code] =
        std::from_chars(begin, text_.data() + text_.size(), value, std::chars_format::fixed);
    if (code != std::errc() || end == begin) return false;
    program_.push_back(
        {.op = Op::kNumber, .arity = 0, .number = text_[pos_] == '-' ? -value : value});
    pos_ += sign + static_cast<size_t>(end - begin);
    return true;
  }

  // The binary operator that stands here and its length; 0 = none.
  size_t read_operator(Op& op) const {
    const char c = text_[pos_];
    const char next = pos_ + 1 < text_.size() ? text_[pos_ + 1] : ' ';
    switch (c) {
      case '&':
        return op = Op::kAnd, next == '&' ? 2 : 1;
      case '|':
        return op = Op::kOr, next == '|' ? 2 : 1;
      case '+':
        return op = Op::kPlus, 1;
      case '-':
        return op = Op::kMinus, 1;
      case '*':
        return op = Op::kTimes, 1;
      case '/':
        return op = Op::kDivide, 1;
      case '>':
        return op = next == '=' ? Op::kGreaterEqual : Op::kGreater, next == '=' ? 2 : 1;
      case '<':
        return op = next == '=' ? Op::kLessEqual : Op::kLess, next == '=' ? 2 : 1;
      case '=':
        return op = Op::kEqual, next == '=' ? 2 : 0;
      case '!':
        return op = Op::kNotEqual, next == '=' ? 2 : 0;
      default:
        break;
    }
    if (word("and")) return op = Op::kAnd, 3;
    if (word("or")) return op = Op::kOr, 2;
    return 0;
  }

  Result<void> binary() {
    if (text_[pos_] == ')') {
      while (!pending_.empty() && !pending_.back().paren) emit_top();
      if (pending_.empty()) return error(pos_, "')' without '('");
      pending_.pop_back();
      --depth_;
      ++pos_;
      return {};
    }
    Op op = Op::kAnd;
    const size_t bytes = read_operator(op);
    if (bytes == 0) return error(pos_, "an operator must stand here");
    const int rank = precedence(op);
    while (!pending_.empty() && !pending_.back().paren) {
      Pending& top = pending_.back();
      const int top_rank = precedence(top.op);
      if (top_rank < rank) break;
      if (top.op == op && chains(op) && top.arity < kArityMax) break;
      emit_top();
    }
    if (!pending_.empty() && !pending_.back().paren && pending_.back().op == op && chains(op)) {
      ++pending_.back().arity;
    } else {
      pending_.push_back({op, 2, false, pos_});
    }
    pos_ += bytes;
    wants_operand_ = true;
    after_numeric_ = rank >= 3;
    return {};
  }

  void emit_top() {
    const Pending top = pending_.back();
    pending_.pop_back();
    if (top.op == Op::kNot) --depth_;
    program_.push_back({.op = top.op, .arity = top.arity});
  }

  std::string_view text_;
  ExpressionDialect dialect_;
  const AtomSink& atom_;
  size_t pos_ = 0;
  size_t depth_ = 0;
  bool wants_operand_ = true;
  bool after_numeric_ = false;
  Program program_;
  std::vector<Pending> pending_;
};

}  // namespace

Result<Program> parse_expression(std::string_view text, ExpressionDialect dialect,
                                 const AtomSink& atom) {
  return Parser(text, dialect, atom).run();
}

}  // namespace winnow
