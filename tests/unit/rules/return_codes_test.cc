// What answers of lists mean: codes, ranges, networks, patterns, bits.
#include "rules/checks/lists/return_codes.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace winnow {
namespace {

std::string matched(const ReturnCodes& codes, std::string_view address) {
  std::string out;
  codes.match(address, [&](uint32_t symbol) { out += static_cast<char>('a' + symbol); });
  return out;
}

TEST(ReturnCodes, Codes) {
  struct Row {
    std::string_view code;
    CodeMatcher matcher;
    std::vector<std::string_view> hits, misses;
  };
  const Row rows[] = {
      {"127.0.0.2", CodeMatcher::kEquality, {"127.0.0.2"}, {"127.0.0.20", "127.0.0.3", ""}},
      {"127.0.0.4-127.0.0.7",
       CodeMatcher::kEquality,
       {"127.0.0.4", "127.0.0.7"},
       {"127.0.0.3", "127.0.0.8"}},
      {"127.0.1.0/24",
       CodeMatcher::kEquality,
       {"127.0.1.0", "127.0.1.255"},
       {"127.0.0.255", "127.0.2.0"}},
      {"127.0.1.77/24", CodeMatcher::kRadix, {"127.0.1.1"}, {"127.0.2.77"}},
      {"0.0.0.0/0", CodeMatcher::kRadix, {"255.255.255.255"}, {"1.2.3", "1.2.3.256", "1.2.3.4.5"}},
      {"127%.0%.%d+%.3",
       CodeMatcher::kEquality,
       {"127.0.9.3", "127.0.255.3"},
       {"127.0.9.33", "127.0..3"}},
      {"127%.0%.[02-9]%.0", CodeMatcher::kLuaPattern, {"127.0.5.0"}, {"127.0.1.0", "127.0.55.0"}},
      {"127.0.0.?*", CodeMatcher::kGlob, {"127.0.0.1", "127.0.0.123"}, {"127.0.1.1"}},
      {"/^127\\.0\\.0\\.(2|4)$/", CodeMatcher::kRegexp, {"127.0.0.4"}, {"127.0.0.3"}},
  };
  for (const Row& row : rows) {
    ReturnCodes codes;
    ASSERT_TRUE(codes.add_code(row.code, row.matcher, 0)) << row.code;
    for (const std::string_view hit : row.hits) EXPECT_EQ(matched(codes, hit), "a") << row.code;
    for (const std::string_view miss : row.misses) EXPECT_EQ(matched(codes, miss), "") << miss;
  }
}

TEST(ReturnCodes, BrokenCodes) {
  for (const std::string_view code :
       {"", "127.0.0", "127.0.0.256", "127.0.0.2x", "127.0.0.7-127.0.0.4", "127.0.0.1-",
        "127.0.0.0/33", "127.0.0.0/", "[02", "127%b"}) {
    ReturnCodes codes;
    EXPECT_FALSE(codes.add_code(code, CodeMatcher::kEquality, 0)) << code;
    EXPECT_TRUE(codes.empty());
  }
}

TEST(ReturnCodes, Bits) {
  ReturnCodes codes;
  ASSERT_TRUE(codes.add_bits(64, 0));
  ASSERT_TRUE(codes.add_bits(8, 1));
  ASSERT_TRUE(codes.add_bits(16, 1));
  ASSERT_TRUE(codes.add_bits(6, 2));
  ASSERT_TRUE(codes.add_code("127.0.0.1", CodeMatcher::kEquality, 3));  // bits are looked at alone
  EXPECT_EQ(matched(codes, "127.0.0.72"), "ab");
  EXPECT_EQ(matched(codes, "127.0.0.24"), "b");
  EXPECT_EQ(matched(codes, "127.0.0.6"), "c");
  EXPECT_EQ(matched(codes, "127.0.0.2"), "");
  EXPECT_EQ(matched(codes, "127.0.0.1"), "");
  EXPECT_FALSE(codes.add_bits(0, 0));
  EXPECT_FALSE(codes.add_bits(uint64_t{1} << 32, 0));
}

TEST(ReturnCodes, SeveralSymbolsForOneAnswer) {
  ReturnCodes codes;
  ASSERT_TRUE(codes.add_code("127.0.0.2", CodeMatcher::kEquality, 0));
  ASSERT_TRUE(codes.add_code("127.0.0.0/8", CodeMatcher::kEquality, 0));
  ASSERT_TRUE(codes.add_code("127.0.0.0/8", CodeMatcher::kEquality, 1));
  EXPECT_EQ(matched(codes, "127.0.0.2"), "ab");
}

}  // namespace
}  // namespace winnow
