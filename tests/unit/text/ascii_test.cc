// Letters and blanks of ASCII.
#include "engine/ascii.h"

#include <gtest/gtest.h>

namespace winnow {
namespace {

TEST(Ascii, case_is_of_26_letters) {
  for (int i = 0; i < 256; ++i) {
    const char c = static_cast<char>(i);
    const bool upper = i >= 'A' && i <= 'Z', lower = i >= 'a' && i <= 'z';
    EXPECT_EQ(lower_ascii(c), upper ? static_cast<char>(i + 32) : c) << i;
    EXPECT_EQ(upper_ascii(c), lower ? static_cast<char>(i - 32) : c) << i;
  }
  EXPECT_EQ(lowered("@AZ[`az{ \xc4\xd6"), "@az[`az{ \xc4\xd6");
  EXPECT_EQ(uppered("@AZ[`az{ \xe4\xf6"), "@AZ[`AZ{ \xe4\xf6");
}

TEST(Ascii, comparisons_without_case) {
  EXPECT_TRUE(equal_caseless("", ""));
  EXPECT_TRUE(equal_caseless("MailTo", "mAILtO"));
  EXPECT_FALSE(equal_caseless("mail", "mailto"));
  EXPECT_FALSE(equal_caseless("@", "`"));  // apart by the bit that is case in letters
  EXPECT_TRUE(starts_caseless("MAILTO:a", "mailto:"));
  EXPECT_FALSE(starts_caseless("mail", "mailto:"));
  EXPECT_EQ(find_caseless("the Mail", "mAIL"), 4u);
  EXPECT_EQ(find_caseless("the Mai", "mail"), std::string_view::npos);
  EXPECT_EQ(find_caseless("the", ""), 0u);
}

TEST(Ascii, trimmed_at_both_ends) {
  const std::pair<std::string_view, std::string_view> rows[] = {
      {"", ""}, {" \t\r\n", ""}, {"a", "a"}, {" a b\t\r\n", "a b"}, {"\va", "\va"}};
  for (const auto& [text, expected] : rows) EXPECT_EQ(trimmed(text), expected);
  EXPECT_EQ(trimmed("\r a \r", " "), "\r a \r");
  EXPECT_EQ(trimmed("..a..", "."), "a");
}

}  // namespace
}  // namespace winnow
