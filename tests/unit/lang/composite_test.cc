#include "rules/lang/composite.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace winnow {
namespace {

struct Known {
  std::vector<std::string> unknown;
  CompositeNames names;
  Known() {
    names.symbol = [](std::string_view name) {
      return name.size() == 1 ? static_cast<SymbolId>(name[0] - 'A') : kNoId<SymbolId>;
    };
    names.group = [](std::string_view name) { return name == "mua" ? GroupId{0} : kNoId<GroupId>; };
    names.regexp = [](std::string_view regexp) -> Result<uint32_t> {
      if (regexp == "/bad/") return fail("this regexp does not compile");
      return 7u;
    };
    names.unknown = [this](std::string_view name, size_t column) {
      unknown.push_back(fmt::format("{}@{}", name, column));
    };
  }
};

std::string dump(std::string_view text) {
  Known known;
  auto composite = parse_composite(SymbolId{0}, text, Removal::kRemove, known.names);
  if (!composite)
    return fmt::format("error {}: {}", composite.error().column, composite.error().what);
  std::string out;
  for (const CompositeAtom& atom : composite->atoms) {
    if (!out.empty()) out += ' ';
    if (atom.under_not) out += '!';
    if (atom.keep_symbol) out += '~';
    if (atom.keep_all) out += '-';
    if (atom.force_remove) out += '^';
    if (atom.group != kNoId<GroupId>)
      out += fmt::format("g{:+}", static_cast<int>(atom.group_sign));
    else
      out += atom.symbol == kNoId<SymbolId> ? "?" : fmt::format("{}", index(atom.symbol));
    for (size_t i = 0; i < atom.options.size(); ++i)
      out += fmt::format("[{}{}]", atom.options[i], atom.regexps[i] == 7 ? "=7" : "");
  }
  for (const std::string& name : known.unknown) out += " unknown " + name;
  return out;
}

TEST(Composite, atoms) {
  const struct {
    const char* input;
    const char* expected;
  } rows[] = {
      {"A & ~B & -C & ^D", "0 ~1 -2 ^3"},
      {"A & !B", "0 !1"},
      {"A & !(B | (C & D)) | E", "0 !1 !2 !3 4"},
      {"!!A | B", "!0 1"},
      {"g+:mua | g-:mua | ~g:mua", "g+1 g-1 ~g+0"},
      {"A[one, /t,wo/i , three]", "0[one][/t,wo/i=7][three]"},
      {"A[]", "0"},
      {"A & ~NOPE & g:none", "0 ~? ? unknown NOPE@5 unknown none@12"},
      {"A & B[/bad/]", "error 5: this regexp does not compile"},
      {"A &", "error 4: the expression ends where an atom must stand"},
  };
  for (const auto& row : rows) EXPECT_EQ(dump(row.input), row.expected) << row.input;
}

TEST(Composite, numbers_are_micro_points) {
  Known known;
  auto composite = parse_composite(SymbolId{0}, "A > 2.0000005", Removal::kLeave, known.names);
  ASSERT_TRUE(composite);
  EXPECT_EQ(composite->program[1].number, 2'000'001);
  EXPECT_EQ(composite->policy, Removal::kLeave);
}

TEST(Composite, policies_by_name) {
  EXPECT_EQ(*parse_removal("remove_all"), Removal::kRemove);
  EXPECT_EQ(*parse_removal("leave"), Removal::kLeave);
  EXPECT_EQ(*parse_removal("remove_none"), Removal::kLeave);
  EXPECT_EQ(*parse_removal("remove_weight"), Removal::kRemoveWeight);
  EXPECT_FALSE(parse_removal("destroy"));
}

TEST(Composite, are_sorted_by_what_they_read_and_marked_for_the_second_pass) {
  // A..E are composites, P comes from a post-filter.
  ScoreModel model;
  for (const char* name : {"A", "B", "C", "D", "E", "F"}) model.symbols.push_back({.name = name});
  model.groups.push_back({.name = "mua", .symbols = {SymbolId{4}, SymbolId{1}}});
  Known known;
  const auto add = [&](uint32_t symbol, std::string_view text) {
    auto composite = parse_composite(SymbolId{symbol}, text, Removal::kRemove, known.names);
    ASSERT_TRUE(composite);
    model.composites.push_back(std::move(*composite));
  };
  add(0, "B & g:mua");
  add(1, "C | P");
  add(2, "D");
  add(3, "D & E");  // reads itself
  add(4, "X");
  add(5, "A");
  const auto circular =
      order_composites(model, [](SymbolId symbol) { return symbol == SymbolId{'P' - 'A'}; });
  std::string order;
  for (const Composite& composite : model.composites)
    order += fmt::format("{}{} ", index(composite.symbol), composite.second_pass ? "*" : "");
  EXPECT_EQ(order, "4 ");
  EXPECT_EQ(circular.size(), 5u) << "all that read D, directly or not";

  model.composites.clear();
  add(0, "B & g:mua");
  add(1, "C | P");
  add(2, "E");
  add(4, "X");
  EXPECT_TRUE(order_composites(model, [](SymbolId symbol) {
                return symbol == SymbolId{'P' - 'A'};
              }).empty());
  order.clear();
  for (const Composite& composite : model.composites)
    order += fmt::format("{}{} ", index(composite.symbol), composite.second_pass ? "*" : "");
  EXPECT_EQ(order, "4 2 1* 0* ");
}

}  // namespace
}  // namespace winnow
