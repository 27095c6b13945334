#include "engine/mime/quoted_printable.h"

#include <gtest/gtest.h>

#include <random>

namespace winnow {
namespace {

struct Row {
  const char* name;
  std::string_view input;
  std::string_view expected;
  bool broken;
};

const Row kRows[] = {
    {"empty", "", "", false},
    {"plain", "one line\r\nand one more\r\n", "one line\r\nand one more\r\n", false},
    // RFC 2045 section 6.7.
    {"soft breaks", "Now's the time =\r\nfor all folk to come=\r\n to the aid of their country.",
     "Now's the time for all folk to come to the aid of their country.", false},
    {"soft break lf", "a=\nb", "ab", false},
    {"soft break cr", "a=\rb", "ab", false},
    {"soft break with blanks", "a= \t \r\nb", "ab", false},
    {"soft break at the end", "a=", "a", false},
    {"soft break with blanks at the end", "a=  ", "a", false},
    {"upper and lower digits", "=C3=A4=c3=bc=3D", "\xC3\xA4\xC3\xBC=", false},
    {"bad escape", "a=XYb", "a=XYb", true},
    {"half an escape", "a=4", "a=4", true},
    {"one good digit", "a=4Gb", "a=4Gb", true},
    {"escape then blank", "a= b", "a= b", true},
    {"escape of an escape", "==41", "=A", true},
    {"trailing blanks", "a \t \nb\t\r\nc  ", "a\nb\r\nc", false},
    {"blanks inside stay", "a  b \t c", "a  b \t c", false},
    {"blank lines", "a\n \n\t\nb", "a\n\n\nb", false},
    {"encoded blank stays", "a=20\nb", "a \nb", false},
    {"long line with a late stop", "0123456789abcdefghijklmnopqrstuvwxyz=41 \n",
     "0123456789abcdefghijklmnopqrstuvwxyzA\n", false},
};

TEST(QuotedPrintable, decodes_what_mail_carries) {
  Arena arena;
  for (const Row& row : kRows) {
    const DecodedBody fast = decode_quoted_printable(row.input, arena);
    EXPECT_EQ(fast.bytes, row.expected) << row.name;
    EXPECT_EQ(fast.broken, row.broken) << row.name;
    const DecodedBody slow = decode_quoted_printable_scalar(row.input, arena);
    EXPECT_EQ(slow.bytes, row.expected) << row.name;
    EXPECT_EQ(slow.broken, row.broken) << row.name;
  }
}

TEST(QuotedPrintable, twins_agree_on_rubbish) {
  std::mt19937 random(3);
  Arena arena;
  constexpr std::string_view kBytes = "abcXYZ019=== \t \r\n\x80";
  for (int round = 0; round < 20000; ++round) {
    std::string in(random() % 150, '\0');
    const unsigned junk = random() % 8;
    for (char& c : in)
      c = random() % 8 >= junk ? kBytes[random() % 9] : kBytes[random() % kBytes.size()];
    const DecodedBody fast = decode_quoted_printable(in, arena);
    const DecodedBody slow = decode_quoted_printable_scalar(in, arena);
    ASSERT_EQ(fast.bytes, slow.bytes) << in;
    ASSERT_EQ(fast.broken, slow.broken) << in;
    ASSERT_LE(fast.bytes.size(), in.size());
    arena.reset();
  }
}

}  // namespace
}  // namespace winnow
