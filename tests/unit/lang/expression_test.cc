#include "rules/lang/expression.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>

#include "engine/score/evaluate.h"

namespace winnow {
namespace {

const char* op_name(Op op) {
  constexpr const char* kNames[] = {"atom", "number", "!",  "&", "|",  "+",  "-", "*",
                                    "/",    "<",      "<=", ">", ">=", "==", "!="};
  return kNames[static_cast<int>(op)];
}

// Reverse Polish text: atoms as written, n-ary operators with their arity.
std::string dump(std::string_view text, ExpressionDialect dialect) {
  std::vector<std::string> atoms;
  auto program = parse_expression(text, dialect, [&](std::string_view atom, size_t) {
    atoms.emplace_back(atom);
    return Result<uint32_t>(static_cast<uint32_t>(atoms.size() - 1));
  });
  if (!program) return fmt::format("error {}: {}", program.error().column, program.error().what);
  std::string out;
  for (const Instruction& in : *program) {
    if (!out.empty()) out += ' ';
    if (in.op == Op::kAtom) {
      out += "<" + atoms[in.atom] + ">";
    } else if (in.op == Op::kNumber) {
      out += fmt::format("{}", in.number);
    } else {
      out += op_name(in.op);
      if (in.arity > 2) out += fmt::format("{}", in.arity);
    }
  }
  return out;
}

struct Row {
  const char* name;
  ExpressionDialect dialect;
  const char* input;
  const char* expected;
};

class Parse : public ::testing::TestWithParam<Row> {};

TEST_P(Parse, gives) { EXPECT_EQ(dump(GetParam().input, GetParam().dialect), GetParam().expected); }

constexpr ExpressionDialect R = ExpressionDialect::kRegexp;
constexpr ExpressionDialect C = ExpressionDialect::kComposite;

INSTANTIATE_TEST_SUITE_P(
    Expression, Parse,
    ::testing::Values(
        Row{"one_atom", R, "  /a b/i ", "</a b/i>"},
        Row{"precedence", C, "A | B & C == D + E * !F", "<A> <B> <C> <D> <E> <F> ! * + == & |"},
        Row{"doubled_operators", C, "A && B || C", "<A> <B> & <C> |"},
        Row{"words", C, "A and not B or C", "<A> <B> ! & <C> |"},
        Row{"words_of_any_case", C, "A AND NOT B Or C", "<A> <B> ! & <C> |"},
        Row{"capitals_between_patterns", R, "Subject=/a/ AND NOT(/b/ OR /c/)",
            "<Subject=/a/> </b/> </c/> | ! &"},
        Row{"words_within_names", C, "ANDY or NOTE & ORB", "<ANDY> <NOTE> <ORB> & |"},
        Row{"chain_is_n_ary", C, "A & B & C & D", "<A> <B> <C> <D> &4"},
        Row{"chain_in_parentheses_stays", C, "A + (B + C) + D", "<A> <B> <C> + <D> +3"},
        Row{"minus_goes_left", C, "A - B - C + D", "<A> <B> - <C> - <D> +"},
        Row{"divide_goes_left", C, "A / B / C * D", "<A> <B> / <C> / <D> *"},
        Row{"comparison_number", C, "A + B >= 2.5", "<A> <B> + 2.5 >="},
        Row{"negative_number", C, "A > -1 & B", "<A> -1 > <B> &"},
        Row{"digits_are_an_atom_elsewhere", C, "1 & 2A", "<1> <2A> &"},
        Row{"digits_after_parenthesis_are_an_atom", C, "A + (2)", "<A> <2> +"},
        Row{"prefixes", C, "-A & ~B & ^C & ~-D", "<-A> <~B> <^C> <~-D> &4"},
        Row{"minus_needs_a_blank", C, "A-B - C", "<A-B> <C> -"},
        Row{"minus_before_blank", C, "A - -B", "<A> <-B> -"},
        Row{"groups", C, "g+:mua & g-:my-group | !g:x", "<g+:mua> <g-:my-group> & <g:x> ! |"},
        Row{"plus", C, "A+B", "<A> <B> +"},
        Row{"options", C, "A[x y, /a,]&/i] & B", "<A[x y, /a,]&/i]> <B> &"},
        Row{"double_negation", C, "!!A & ! (B)", "<A> ! ! <B> ! &"},
        Row{"header", R, "Subject=/a (b) & c/iH & !X-Mailer=/^$/",
            "<Subject=/a (b) & c/iH> <X-Mailer=/^$/> ! &"},
        Row{"tilde", R, "Subject=~/a/", "<Subject=~/a/>"},
        Row{"escaped_slash", R, "/a\\/b/ | /c/", "</a\\/b/> </c/> |"},
        Row{"type", R, "/a/i{body}&/b/{raw_words}", "</a/i{body}> </b/{raw_words}> &"},
        Row{"flags_behind_the_type", R, "/a/{body}i & /b/{mime}or /c/{url}",
            "</a/{body}i> </b/{mime}> & </c/{url}> |"},
        Row{"selector", R, "from:domain.lower=/x/${selector} | a=/b/$",
            "<from:domain.lower=/x/${selector}> <a=/b/$> |"},
        Row{"selector_with_call", R, "header('To)').first=/x/", "<header('To)').first=/x/>"},
        Row{"braces_delimit", R, "Subject=m{a{1,2}/}i & m!x|y!",
            "<Subject=m{a{1,2}/}i> <m!x|y!> &"},
        Row{"function", R, "header_exists(X-Foo) & lua:f", "<header_exists(X-Foo)> <lua:f> &"},
        Row{"function_with_regexp", R,
            "content_type_is_subtype(/a)/) & check_smtp_data(from, /b,\\/)/i)",
            "<content_type_is_subtype(/a)/)> <check_smtp_data(from, /b,\\/)/i)> &"},
        Row{"function_with_quotes", R, "f('a)', \"b\\\")\")", "<f('a)', \"b\\\")\")>"},
        Row{"counted", R, "/a/A + /b/A > 3", "</a/A> </b/A> + 3 >"},
        Row{"divide_or_regexp", R, "f(x) / g(y) > /z/", "<f(x)> <g(y)> / </z/> >"}));

INSTANTIATE_TEST_SUITE_P(
    Errors, Parse,
    ::testing::Values(
        Row{"empty", C, "", "error 1: the expression ends where an atom must stand"},
        Row{"ends_early", C, "A & ", "error 5: the expression ends where an atom must stand"},
        Row{"unclosed", C, "A & (B | C", "error 5: '(' is not closed"},
        Row{"unopened", C, "A)", "error 2: ')' without '('"},
        Row{"no_operator", C, "A B", "error 3: an operator must stand here"},
        Row{"word_alone_is_no_atom", C, "NOT",
            "error 4: the expression ends where an atom must stand"},
        Row{"single_equals", C, "A = 1", "error 3: an operator must stand here"},
        Row{"two_operators", C, "A & | B", "error 5: the name of a symbol is missing"},
        Row{"empty_parentheses", C, "A & ()", "error 6: the name of a symbol is missing"},
        Row{"bare_prefix", C, "~ A", "error 1: the name of a symbol is missing"},
        Row{"open_options", C, "A[b", "error 2: '[' is not closed"},
        Row{"open_regexp", R, "A & /b", "error 5: a regexp is not closed"},
        Row{"open_regexp_escape", R, "/b\\", "error 1: a regexp is not closed"},
        Row{"open_type", R, "/b/{body", "error 4: '{' is not closed"},
        Row{"header_without_regexp", R, "Subject=foo",
            "error 9: a regexp such as /.../ must follow '='"},
        Row{"open_call", R, "f(a, b", "error 2: '(' is not closed"},
        Row{"open_quote", R, "f('a)", "error 3: a quote is not closed"}));

TEST(Expression, refuses_what_is_too_deep_or_too_long_and_takes_what_is_not) {
  const auto deep = [](size_t depth, char open) {
    std::string text(depth, open);
    text += "A";
    if (open == '(') text += std::string(depth, ')');
    return dump(text, C);
  };
  for (const char open : {'(', '!'}) {
    EXPECT_FALSE(deep(kExpressionDepthMax, open).starts_with("error"));
    EXPECT_EQ(deep(kExpressionDepthMax + 1, open),
              "error 101: the expression is nested too deeply");
  }
  std::string wide = "A";
  while (wide.size() < kExpressionBytesMax - 8) wide += "&A";
  EXPECT_FALSE(dump(wide, C).starts_with("error"));
  EXPECT_EQ(dump(std::string(kExpressionBytesMax + 1, 'A'), C),
            "error 1: the expression is too long");
}

TEST(Expression, an_error_of_the_sink_gets_the_column_of_its_atom) {
  auto program =
      parse_expression("A & BAD", C, [](std::string_view atom, size_t) -> Result<uint32_t> {
        if (atom == "BAD") return fail("no such thing");
        return 0u;
      });
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().column, 5u);
}

// --- Program against a naive tree ---------------------------------------------------------------

struct Node {
  Op op = Op::kAtom;
  double number = 0;
  uint32_t atom = 0;
  std::vector<std::unique_ptr<Node>> kids;
};

class Trees {
 public:
  explicit Trees(uint32_t seed) : random_(seed) {}
  std::unique_ptr<Node> make(int depth, bool number_allowed = false) {
    auto node = std::make_unique<Node>();
    if (number_allowed && pick(3) == 0) {
      node->op = Op::kNumber;
      node->number = pick(5);
      return node;
    }
    if (depth == 0 || pick(6) == 0) {
      node->atom = pick(8);
      return node;
    }
    node->op = static_cast<Op>(2 + pick(13));
    const bool numeric = node->op != Op::kNot && node->op != Op::kAnd && node->op != Op::kOr;
    node->kids.push_back(make(depth - 1));
    if (node->op != Op::kNot) node->kids.push_back(make(depth - 1, numeric));
    return node;
  }
  uint32_t pick(uint32_t below) { return static_cast<uint32_t>(random_() % below); }

 private:
  std::mt19937 random_;
};

std::string print(const Node& node) {
  if (node.op == Op::kAtom) return fmt::format("S{}", node.atom);
  if (node.op == Op::kNumber) return fmt::format("{}", node.number);
  const auto kid = [&](size_t i) {
    const Node& k = *node.kids[i];
    return k.kids.empty() ? print(k) : "(" + print(k) + ")";
  };
  if (node.op == Op::kNot) return "!" + kid(0);
  return kid(0) + " " + op_name(node.op) + " " + kid(1);
}

double naive(const Node& node, const std::vector<double>& values) {
  if (node.op == Op::kAtom) return values[node.atom];
  if (node.op == Op::kNumber) return node.number;
  const double a = naive(*node.kids[0], values);
  if (node.op == Op::kNot) return a == 0;
  const double b = naive(*node.kids[1], values);
  switch (node.op) {
    case Op::kAnd:
      return a != 0 && b != 0;
    case Op::kOr:
      return a != 0 || b != 0;
    case Op::kPlus:
      return a + b;
    case Op::kMinus:
      return a - b;
    case Op::kTimes:
      return a * b;
    case Op::kDivide:
      return b == 0 ? 0 : a / b;
    case Op::kLess:
      return a < b;
    case Op::kLessEqual:
      return a <= b;
    case Op::kGreater:
      return a > b;
    case Op::kGreaterEqual:
      return a >= b;
    case Op::kEqual:
      return a == b;
    default:
      return a != b;
  }
}

TEST(Expression, a_program_gives_what_a_naive_tree_gives) {
  Trees trees(20261124);
  for (int round = 0; round < 3000; ++round) {
    const std::unique_ptr<Node> tree = trees.make(6);
    const std::string text = print(*tree);
    auto program = parse_expression(text, C, [](std::string_view atom, size_t) {
      return Result<uint32_t>(static_cast<uint32_t>(atom[1] - '0'));
    });
    ASSERT_TRUE(program) << text << ": " << program.error().text();
    for (int i = 0; i < 8; ++i) {
      std::vector<double> values(8);
      for (double& value : values) value = trees.pick(2) ? 0 : trees.pick(4);
      EXPECT_EQ(evaluate(*program, 1, [&](uint32_t atom) { return values[atom]; }),
                naive(*tree, values))
          << text;
    }
  }
}

TEST(Evaluate, looks_at_nothing_to_the_right_of_what_decides) {
  auto program =
      parse_expression("(S0 & S1 & S2) | (S3 & !(S4 | S5))", C, [](std::string_view atom, size_t) {
        return Result<uint32_t>(static_cast<uint32_t>(atom[1] - '0'));
      });
  ASSERT_TRUE(program);
  const auto seen = [&](std::vector<double> values) {
    std::string out;
    const double value = evaluate(*program, 1, [&](uint32_t atom) {
      out += static_cast<char>('0' + atom);
      return values[atom];
    });
    return fmt::format("{} {}", out, value);
  };
  EXPECT_EQ(seen({1, 0, 1, 1, 1, 0}), "0134 0");
  EXPECT_EQ(seen({1, 1, 1, 1, 0, 0}), "012 1");
  EXPECT_EQ(seen({0, 1, 1, 1, 0, 0}), "0345 1");
  EXPECT_EQ(seen({0, 1, 1, 0, 0, 0}), "03 0");
}

TEST(Evaluate, refuses_malformed_programs) {
  Program missing = {{.op = Op::kAtom, .arity = 0, .atom = 0}, {.op = Op::kAnd, .arity = 2}};
  EXPECT_FALSE(link_program(missing));
  Program over = {{.op = Op::kAtom, .arity = 0}, {.op = Op::kAtom, .arity = 0}};
  EXPECT_FALSE(link_program(over));
  Program ternary_minus = {
      {.op = Op::kAtom}, {.op = Op::kAtom}, {.op = Op::kAtom}, {.op = Op::kMinus, .arity = 3}};
  EXPECT_FALSE(link_program(ternary_minus));
  Program deep(kProgramStackMax + 1, Instruction{.op = Op::kAtom});
  deep.push_back({.op = Op::kOr, .arity = kProgramStackMax + 1});
  EXPECT_FALSE(link_program(deep));
}

TEST(Evaluate, sums_of_micro_points_are_exact_and_products_keep_the_unit) {
  const auto value = [](std::string_view text) {
    auto program = parse_expression(text, C, [](std::string_view atom, size_t) {
      return Result<uint32_t>(static_cast<uint32_t>(atom[0] - 'A'));
    });
    for (Instruction& in : *program) in.number *= 1e6;
    const double micros[] = {100'000, 200'000, 300'000, 2'500'000};
    return evaluate(*program, 1e6, [&](uint32_t atom) { return micros[atom]; });
  };
  EXPECT_EQ(value("A + B > C"), 0);
  EXPECT_EQ(value("A + B == C"), 1e6);
  EXPECT_EQ(value("D * 2"), 5e6);
  EXPECT_EQ(value("D / B"), 12.5e6);
  EXPECT_EQ(value("D / (A - A)"), 0);
}

}  // namespace
}  // namespace winnow
