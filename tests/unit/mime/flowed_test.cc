#include "engine/mime/flowed.h"

#include <gtest/gtest.h>

namespace winnow {
namespace {

struct Row {
  const char* name;
  std::string_view input;
  bool delete_space;
  std::string_view expected;
};

const Row kRows[] = {
    {"empty", "", false, ""},
    {"fixed lines", "a\nb\n", false, "a\nb\n"},
    {"soft", "a \nb \nc\n", false, "a b c\n"},
    {"delsp", "a \nb\n", true, "ab\n"},
    {"crlf", "a \r\nb\r\n", false, "a b\n"},
    {"stuffed", " From here\n >not a quote\n", false, "From here\n>not a quote\n"},
    {"quotes", "> a \n> b\n>> c \n>>d\n", false, "> a b\n>> c d\n"},
    {"depth changes after a soft line", "> a \nb\n", false, "> a \nb\n"},
    {"signature stays", "a \n-- \nme\n", false, "a \n-- \nme\n"},
    {"soft at the end", "a ", false, "a "},
    {"blank line ends a paragraph", "a \n\nb\n", false, "a \nb\n"},
};

TEST(Flowed, joins_what_was_wrapped) {
  Arena arena;
  for (const Row& row : kRows)
    EXPECT_EQ(unflow(row.input, row.delete_space, arena), row.expected) << row.name;
}

TEST(Flowed, stays_within_twice_the_text) {
  Arena arena;
  std::string text;
  for (int i = 0; i < 1000; ++i) text += ">\n";
  EXPECT_LE(unflow(text, false, arena).size(), 2 * text.size());
}

}  // namespace
}  // namespace winnow
