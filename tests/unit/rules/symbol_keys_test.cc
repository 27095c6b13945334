// What the keys of symbols, groups, rules and composites do; seen on Rspamd 3.4. A key that the
// table of options has not is named by configtest and does nothing.
#include <gtest/gtest.h>

#include <algorithm>

#include "rules/config/options.h"
#include "tests/unit/rules/compiled.h"

namespace winnow {
namespace {

struct Made {
  explicit Made(const std::string& text) : rules(compiled(text, {})) {}

  const Symbol& symbol(std::string_view name) const {
    return *std::ranges::find(rules->model.symbols, name, &Symbol::name);
  }
  double points(std::string_view name) const {
    return static_cast<double>(symbol(name).score) / static_cast<double>(kMicro);
  }
  bool is_on(std::string_view name) const {
    return !(symbol(name).flags & static_cast<uint16_t>(SymbolFlag::kDisabled));
  }
  std::string groups(std::string_view name) const {
    std::string out;
    for (const GroupId group : symbol(name).groups)
      out += rules->model.groups[index(group)].name + " ";
    return out;
  }
  const Group& group(std::string_view name) const {
    return *std::ranges::find(rules->model.groups, name, &Group::name);
  }

  std::shared_ptr<RuleSet> rules;
};

std::string told(const std::string& text) {
  auto parsed = parse_ucl(text, "t.conf", {});
  EXPECT_TRUE(parsed);
  std::vector<Warning> warnings;
  EXPECT_TRUE(check_options(parsed->document->root(), warnings));
  std::string out;
  for (const Warning& one : warnings) out += one.what + "\n";
  return out;
}

TEST(SymbolKeys, OfTheSectionSymbols) {
  const std::string text =
      "regexp { A { re = '/a/P'; group = 'own'; } B { re = '/b/P'; } C { re = '/c/P'; } }\n"
      "symbols {\n"
      "  A { score = 2.5; weight = 3.5; group = 'capped'; }\n"
      "  B { weight = 3.5; score = 2.5; disabled = true; }\n"
      "  C { weight = 3.5; enabled = false; groups = ['more']; }\n}\n";
  const Made made(text);
  EXPECT_EQ(made.points("A"), 2.5);
  EXPECT_EQ(made.groups("A"), "own ");
  EXPECT_EQ(made.points("B"), 2.5);
  EXPECT_TRUE(made.is_on("B"));
  EXPECT_EQ(made.points("C"), 3.5);
  EXPECT_FALSE(made.is_on("C"));
  EXPECT_NE(made.groups("C").find("more "), std::string::npos);
  EXPECT_EQ(told(text),
            "\"group\" is no option of group.*.symbols.*.\n"
            "\"disabled\" is no option of group.*.symbols.*.\n");
}

TEST(SymbolKeys, OfRulesAndComposites) {
  const std::string text =
      "regexp { A { re = '/a/P'; score = 1; weight = 2; } }\n"
      "multimap { M { type = from; map = ['x']; enabled = false; weight = 7; score = 0.5; } }\n"
      "composites { C { expression = 'A'; disabled = true; weight = 7; policy = 'remove_none'; } "
      "}\n";
  const Made made(text);
  EXPECT_EQ(made.points("A"), 2);
  EXPECT_EQ(made.points("M"), 0.5);
  EXPECT_TRUE(made.is_on("M"));
  EXPECT_EQ(made.points("C"), 0);
  EXPECT_TRUE(made.is_on("C"));
  ASSERT_EQ(made.rules->model.composites.size(), 1u);
  EXPECT_EQ(made.rules->model.composites[0].policy, Removal::kLeave);
  EXPECT_EQ(told(text),
            "\"enabled\" is no option of multimap.*.\n\"weight\" is no option of multimap.*.\n"
            "\"disabled\" is no option of composites.*.\n"
            "\"weight\" is no option of composites.*.\n");
}

TEST(SymbolKeys, ACapOfZeroIsNone) {
  const Made made(
      "group { a { max_score = 0; min_score = 0; } b { max_score = 0.5; min_score = -0.5; } }");
  EXPECT_EQ(made.group("a").max_score, kNoThreshold);
  EXPECT_EQ(made.group("a").min_score, -kNoThreshold);
  EXPECT_EQ(made.group("b").max_score, 500'000);
  EXPECT_EQ(made.group("b").min_score, -500'000);
}

// Nobody finds out languages unasked; a selector that reads them asks.
TEST(SymbolKeys, ASelectorAsksForLanguages) {
  const auto stems = [](const char* selector) {
    return Made(std::string("multimap { M { type = selector; map = ['en']; selector = '") +
                selector + "'; } }")
        .rules->text_plan.stems;
  };
  EXPECT_TRUE(stems("languages"));
  EXPECT_TRUE(stems("helo;languages.first"));
  EXPECT_FALSE(stems("helo"));
}

}  // namespace
}  // namespace winnow
