#include "engine/score/composites.h"

#include <gtest/gtest.h>

#include "engine/score/evaluate.h"
#include "tests/unit/score/model_builder.h"

namespace winnow {
namespace {

using namespace test;

// Symbols A 1, B 2, Z 0, N -1 and composites made by hand: atoms joined by one operator.
struct Fixture {
  ScoreModel model = base_model();
  GroupId group = add_group(model, "g");
  SymbolId a = add_symbol(model, "A", 1, 0, {group});
  SymbolId b = add_symbol(model, "B", 2, 0, {group});
  SymbolId z = add_symbol(model, "Z", 0, 0, {group});
  SymbolId n = add_symbol(model, "N", -1, 0, {group});

  Composite& add(std::string name, Op op, std::vector<CompositeAtom> atoms,
                 Removal policy = Removal::kRemove) {
    const SymbolId symbol = add_symbol(model, std::move(name), 5);
    model.symbols[index(symbol)].kind = SymbolKind::kComposite;
    Composite composite{.symbol = symbol, .policy = policy};
    for (uint32_t i = 0; i < atoms.size(); ++i) {
      composite.program.push_back({.op = Op::kAtom, .arity = 0, .atom = i});
      if (atoms[i].under_not) composite.program.push_back({.op = Op::kNot, .arity = 1});
    }
    if (atoms.size() > 1)
      composite.program.push_back({.op = op, .arity = static_cast<uint32_t>(atoms.size())});
    EXPECT_TRUE(link_program(composite.program));
    composite.atoms = std::move(atoms);
    model.composites.push_back(std::move(composite));
    return model.composites.back();
  }

  std::string run(std::vector<std::pair<SymbolId, const char*>> inserted,
                  const OptionRegexps& regexps = {}) {
    Board board;
    board.begin(model);
    for (const auto& [symbol, option] : inserted) board.insert(symbol, 1, option);
    CompositeScratch scratch;
    const CompositeIndex readers = index_composites(model);
    run_composites(model, readers, false, regexps, scratch, board);
    run_composites(model, readers, true, regexps, scratch, board);
    Arena slab;
    Verdict verdict;
    board.finish(slab, verdict);
    return dump(model, verdict);
  }
};

CompositeAtom sym(SymbolId id) { return {.symbol = id}; }

TEST(Composites, policies) {
  const struct {
    Removal policy;
    const char* expected;
  } rows[] = {{Removal::kRemove, "greylist 5; -~A(1) -~B(2) C(5)"},
              {Removal::kRemoveWeight, "greylist 5; ~A(1) ~B(2) C(5)"},
              {Removal::kRemoveSymbol, "add header 8; -A(1) -B(2) C(5)"},
              {Removal::kLeave, "add header 8; A(1) B(2) C(5)"}};
  for (const auto& row : rows) {
    Fixture f;
    f.add("C", Op::kAnd, {sym(f.a), sym(f.b)}, row.policy);
    EXPECT_EQ(f.run({{f.a, ""}, {f.b, ""}}), row.expected);
    EXPECT_EQ(f.run({{f.a, ""}}), "no action 1; A(1)");
  }
}

TEST(Composites, prefixes_keep_and_force) {
  Fixture f;
  CompositeAtom keep_symbol = sym(f.a), keep_all = sym(f.b), force = sym(f.z);
  keep_symbol.keep_symbol = keep_all.keep_all = force.force_remove = true;
  f.add("C", Op::kAnd, {keep_symbol, keep_all, force});
  EXPECT_EQ(f.run({{f.a, ""}, {f.b, ""}, {f.z, ""}}), "add header 7; ~A(1) B(2) -~Z(0) C(5)");
  f.model.composites[0].policy = Removal::kLeave;
  EXPECT_EQ(f.run({{f.a, ""}, {f.b, ""}, {f.z, ""}}), "add header 8; A(1) B(2) -~Z(0) C(5)");
}

TEST(Composites, one_that_keeps_wins_and_force_overrides_it) {
  Fixture f;
  f.add("C", Op::kAnd, {sym(f.a)});
  f.add("D", Op::kAnd, {sym(f.a)}, Removal::kRemoveWeight);
  EXPECT_EQ(f.run({{f.a, ""}}), "add header 10; ~A(1) C(5) D(5)");
  f.add("E", Op::kAnd, {sym(f.a)}, Removal::kLeave);
  EXPECT_EQ(f.run({{f.a, ""}}), "reject 16; A(1) C(5) D(5) E(5)");
  CompositeAtom force = sym(f.a);
  force.force_remove = true;
  f.add("F", Op::kAnd, {force}, Removal::kLeave);
  EXPECT_EQ(f.run({{f.a, ""}}), "reject 20; -~A(1) C(5) D(5) E(5) F(5)");
}

TEST(Composites, what_stands_under_not_stays_what_decided_nothing_goes) {
  Fixture f;
  CompositeAtom negated = sym(f.b);
  negated.under_not = true;
  f.add("C", Op::kOr, {sym(f.a), sym(f.z), negated});
  EXPECT_EQ(f.run({{f.a, ""}, {f.z, ""}, {f.b, ""}}), "add header 7; -~A(1) -~Z(0) B(2) C(5)");
  EXPECT_EQ(f.run({}), "greylist 5; C(5)");
}

TEST(Composites, groups_by_sign_take_the_largest_and_remove_all_of_it) {
  Fixture f;
  f.add("C", Op::kAnd, {{.group = f.group, .group_sign = 1}});
  EXPECT_EQ(f.run({{f.a, ""}, {f.b, ""}, {f.n, ""}, {f.z, ""}}),
            "greylist 4; -~A(1) -~B(2) N(-1) Z(0) C(5)");
  EXPECT_EQ(f.run({{f.n, ""}, {f.z, ""}}), "no action -1; N(-1) Z(0)");
  f.model.composites[0].atoms[0].group_sign = -1;
  EXPECT_EQ(f.run({{f.a, ""}, {f.n, ""}}), "add header 6; A(1) -~N(-1) C(5)");
  f.model.composites[0].atoms[0].group_sign = 0;
  EXPECT_EQ(f.run({{f.z, ""}}), "greylist 5; -~Z(0) C(5)");
}

// Only what a present symbol touches is evaluated: a chain must still run to its end, and what is
// true of nothing must still be found.
TEST(Composites, those_that_read_composites_follow_and_those_true_of_nothing_are_found) {
  Fixture f;
  CompositeAtom absent = sym(f.b);
  absent.under_not = true;
  f.add("NONE", Op::kAnd, {absent}, Removal::kLeave);
  SymbolId last = f.a;
  std::string expected = "reject 656; A(1) NONE(5)";
  for (int i = 0; i < 130; ++i) {
    last = f.add("C" + std::to_string(i), Op::kAnd, {sym(last)}, Removal::kLeave).symbol;
    expected += " C" + std::to_string(i) + "(5)";
  }
  EXPECT_EQ(f.run({{f.a, ""}}), expected);
  EXPECT_EQ(f.run({}), "greylist 5; NONE(5)");
  EXPECT_EQ(f.run({{f.b, ""}}), "no action 2; B(2)");
}

TEST(Composites, scores_can_be_compared) {
  Fixture f;
  Composite& c = f.add("C", Op::kPlus, {sym(f.a), sym(f.b)}, Removal::kLeave);
  c.program.push_back({.op = Op::kNumber, .arity = 0, .number = 3e6});
  c.program.push_back({.op = Op::kGreaterEqual, .arity = 2});
  ASSERT_TRUE(link_program(c.program));
  EXPECT_EQ(f.run({{f.a, ""}, {f.b, ""}}), "add header 8; A(1) B(2) C(5)");
  EXPECT_EQ(f.run({{f.b, ""}}), "no action 2; B(2)");
}

TEST(Composites, options_must_all_match_by_text_or_regexp) {
  Fixture f;
  CompositeAtom atom = sym(f.a);
  atom.options = {"exact", "/pre/"};
  atom.regexps = {kNoIndex, 4};
  f.add("C", Op::kAnd, {atom}, Removal::kLeave);
  const OptionRegexps regexps{nullptr, [](const void*, uint32_t regexp, std::string_view option) {
                                return regexp == 4 && option.starts_with("pre");
                              }};
  EXPECT_EQ(f.run({{f.a, "exact"}, {f.a, "prefix"}}, regexps),
            "add header 7; A(2)[exact,prefix] C(5)");
  EXPECT_EQ(f.run({{f.a, "exact"}}, regexps), "no action 1; A(1)[exact]");
  EXPECT_EQ(f.run({{f.a, "prefix"}}, regexps), "no action 1; A(1)[prefix]");
}

TEST(Composites, a_composite_sees_those_before_it_and_the_second_pass_what_was_removed) {
  Fixture f;
  const SymbolId c = f.add("C", Op::kAnd, {sym(f.a)}).symbol;
  f.add("D", Op::kAnd, {sym(c), sym(f.b)});
  f.add("E", Op::kAnd, {sym(f.a)}).second_pass = true;
  EXPECT_EQ(f.run({{f.a, ""}, {f.b, ""}}), "add header 10; -~A(1) -~B(2) -~C(5) D(5) E(5)");
}

}  // namespace
}  // namespace winnow
