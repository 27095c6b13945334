#include "engine/match/regex.h"

#include <gtest/gtest.h>

#include "engine/match/pattern.h"
#include "engine/match/regex_steps.h"

namespace winnow {
namespace {

constexpr uint32_t kI = bit(PatternFlag::kIgnoreCase);
constexpr uint32_t kM = bit(PatternFlag::kMultiLine);
constexpr uint32_t kS = bit(PatternFlag::kDotAll);
constexpr uint32_t kX = bit(PatternFlag::kExtended);
constexpr uint32_t kU = bit(PatternFlag::kUtf);

TEST(Regex, CountsMatchesThatDoNotOverlap) {
  struct Row {
    std::string_view regex;
    uint32_t flags;
    std::string_view text;
    uint32_t count;
  };
  const Row rows[] = {
      {"aa", 0, "aaaaa", 2},    {"a", kI, "aAbA", 3},
      {"^b", 0, "a\nb\nb", 0},  {"^b", kM, "a\nb\nb", 2},
      {"a.b", 0, "a\nb", 0},    {"a.b", kS, "a\nb", 1},
      {"a b # c", kX, "ab", 1}, {"", 0, "abc", 4},
      {"x*", 0, "axxb", 4},     {"(?=a)", 0, "aa", 2},
      {".", kU, "é€", 2},       {".", 0, "é€", 5},
      {"", kU, "é", 2},         {"\\bfoo\\b", 0, "foo food foo", 2},
      {"a\\Kb", 0, "abab", 2},  {"(?<=a\\K)b", 0, "", 0},
      {"É", kU | kI, "é É", 2}, {"a", 0, "", 0},
      {"^$", 0, "", 1},         {"a$", 0, "a\n", 1},
      {"a$", 0, "a\r\n", 0},
  };
  RegexScratch scratch;
  for (const Row& row : rows) {
    Result<Regex> regex = Regex::compile(row.regex, row.flags);
    if (!regex) continue;  // newer libraries refuse \K in look-arounds
    for (bool jit : {false, true}) {
      if (jit) regex->jit();
      bool limited = false;
      EXPECT_EQ(regex->count(scratch, row.text, 100, limited), row.count)
          << row.regex << " in " << row.text;
      EXPECT_FALSE(limited);
    }
  }
}

TEST(Regex, CountStopsAtItsMaximum) {
  RegexScratch scratch;
  bool limited = false;
  EXPECT_EQ(Regex::compile("a", 0)->count(scratch, "aaaaaaaa", 3, limited), 3u);
}

TEST(Regex, ErrorsNameTheByte) {
  struct Row {
    std::string_view regex;
    uint32_t flags;
    unsigned column;
  };
  const Row rows[] = {{"(", 0, 2},      {"a)", 0, 2},           {"[z-a]", 0, 4}, {"ab[c", 0, 5},
                      {"a{2,1}", 0, 7}, {"\\1(", 0, 4},         {"a\\C", 0, 4},  {"(*UTF)a", 0, 7},
                      {"(?P<n", 0, 6},  {"\\x{110000}", kU, 11}};
  for (const Row& row : rows) {
    const Result<Regex> regex = Regex::compile(row.regex, row.flags);
    ASSERT_FALSE(regex) << row.regex;
    EXPECT_NEAR(regex.error().column, row.column, 1) << regex.error().what;
    EXPECT_NE(regex.error().what.find(row.regex), std::string::npos);
  }
}

TEST(Regex, StepLimitIsToldApartFromNoMatch) {
  Limits limits;
  limits.pcre_steps_max = 1'000;
  RegexScratch scratch(limits);
  Regex regex = *Regex::compile("(a+)+$", 0);
  const std::string hostile = std::string(40, 'a') + "b";
  EXPECT_EQ(regex.find(scratch, hostile), Find::kLimit);
  EXPECT_EQ(regex.test_without_backtracking(scratch, hostile), Find::kNone);
  EXPECT_EQ(regex.test_without_backtracking(scratch, hostile + "a"), Find::kFound);
  regex.jit();
  EXPECT_EQ(regex.find(scratch, hostile), Find::kLimit);
}

// A pattern that begins anew at each byte and runs to the end takes a square of steps.
TEST(Regex, StepsAreCountedWhereAskedFor) {
  const auto steps = [](std::string_view pattern, uint32_t flags, size_t size) {
    const Result<Regex> regex = Regex::compile(pattern, flags);
    EXPECT_TRUE(regex);
    RegexScratch scratch;
    const uint64_t before = regex_steps();
    EXPECT_EQ(regex->find(scratch, std::string(size, 'x')), Find::kNone);
    return regex_steps() - before;
  };
  EXPECT_EQ(steps("x*[yz]", 0, 100), 0u);
  EXPECT_GT(steps("x*[yz]", kCountSteps, 200), 3 * steps("x*[yz]", kCountSteps, 100));
  EXPECT_LT(steps("x[yz]", kCountSteps, 200), 3 * steps("x[yz]", kCountSteps, 100));
  EXPECT_GE(steps("q", kCountSteps, 100), 100u);
}

TEST(Regex, CodePointsAreLookedForInValidTextAlone) {
  RegexScratch scratch;
  const Regex letters = *Regex::compile("^..$", bit(PatternFlag::kUtf));
  EXPECT_EQ(letters.find_in_bytes(scratch, "\xC3\xA9z"), Find::kFound);
  EXPECT_EQ(letters.find_in_bytes(scratch, "\xC3z"), Find::kNone);  // cut off
  const Regex bytes = *Regex::compile("^..$", 0);
  EXPECT_EQ(bytes.find_in_bytes(scratch, "\xC3z"), Find::kFound);
}

TEST(Regex, FindsPlaces) {
  RegexScratch scratch;
  RegexMatch match;
  const Regex regex = *Regex::compile("b+", 0);
  ASSERT_EQ(regex.find(scratch, "abbab", 0, &match), Find::kFound);
  EXPECT_EQ(match.begin, 1u);
  EXPECT_EQ(match.end, 3u);
  ASSERT_EQ(regex.find(scratch, "abbab", 3, &match), Find::kFound);
  EXPECT_EQ(match.begin, 4u);
  EXPECT_EQ(regex.find(scratch, "abbab", 5, &match), Find::kNone);
}

}  // namespace
}  // namespace winnow
