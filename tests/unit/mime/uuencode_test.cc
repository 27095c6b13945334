#include "engine/mime/uuencode.h"

#include <gtest/gtest.h>

#include <string>

namespace winnow {
namespace {

struct Row {
  const char* name;
  std::string_view input;
  bool found;
  std::string_view filename;
  std::string_view bytes;
  bool broken;
};

const Row kRows[] = {
    {"cat", "begin 644 cat.txt\n#0V%T\n`\nend\n", true, "cat.txt", "Cat", false},
    {"crlf and blank as zero", "begin 0644 my file.txt \r\n#0V%T\r\n \r\nend\r\n", true,
     "my file.txt", "Cat", false},
    {"two lines", "begin 644 a\n#0V%T\n$0V%T<P``\n`\nend", true, "a", "CatCats", false},
    {"check byte at the end", "begin 644 a\n#0V%T0\n`\nend\n", true, "a", "Cat", false},
    {"blanks cut", "begin 644 a\n#0V\n`\nend\n", true, "a", std::string_view("C`\0", 3), false},
    {"not closed", "begin 644 a\n#0V%T\n", true, "a", "Cat", true},
    {"ends in prose", "begin 644 a\n#0V%T\nthen came text\nend\n", true, "a", "Cat", true},
    {"base64", "begin-base64 644 a.bin\nQ2F0\n====\n", true, "a.bin", "Cat", false},
    {"base64 not closed", "begin-base64 644 a.bin\nQ2F0\n", true, "a.bin", "Cat", true},
    {"prose", "begin with the end in mind\n", false, "", "", false},
    {"prose with a number", "begin 100 days of work\nand then rest\n", false, "", "", false},
    {"one digit", "begin 0 a\n#0V%T\n`\nend\n", true, "a", "Cat", false},
    {"six digits", "begin 100644 a\n#0V%T\n`\nend\n", true, "a", "Cat", false},
    {"one digit, not closed", "begin 1 COURSE\n#0V%T\nOF MEALS\n", false, "", "", false},
    {"base64, six digits", "begin-base64 100644 a\nQ2F0\n", true, "a", "Cat", true},
    {"quoted name", "begin 644 \"a b\" \n#0V%T\n`\nend\n", true, "a b", "Cat", false},
    {"name of digits and letters alone", "begin 7z\n#0V%T\n`\nend\n", false, "", "", false},
    {"no digits", "begin a\n#0V%T\n`\nend\n", false, "", "", false},
    {"letters for digits", "begin rw a\n#0V%T\nend\n", false, "", "", false},
};

TEST(Uuencode, reads_blocks_and_leaves_prose) {
  for (const Row& row : kRows) {
    Arena arena;
    EncodedBlock block;
    EXPECT_EQ(read_uuencode(row.input, 0, arena, block), row.found) << row.name;
    if (!row.found) continue;
    EXPECT_EQ(block.filename, row.filename) << row.name;
    EXPECT_EQ(block.bytes, row.bytes) << row.name;
    EXPECT_EQ(block.broken, row.broken) << row.name;
    EXPECT_EQ(block.block.data(), row.input.data()) << row.name;
  }
}

TEST(Uuencode, is_found_after_text) {
  Arena arena;
  EncodedBlock block;
  const std::string_view text = "Hello,\nbegin the day\n\nbegin 644 x\n#0V%T\n`\nend\nbye\n";
  ASSERT_TRUE(find_uuencode(text, arena, block));
  EXPECT_EQ(block.bytes, "Cat");
  EXPECT_EQ(block.block, "begin 644 x\n#0V%T\n`\nend\n");
}

TEST(Uuencode, a_body_that_is_declared_needs_no_mode) {
  Arena arena;
  EncodedBlock block;
  ASSERT_TRUE(find_uuencode("begin the day\nbegin 7z.exe\n#0V%T\n`\nend\n", arena, block));
  EXPECT_EQ(block.filename, "7z.exe");
  EXPECT_EQ(block.bytes, "Cat");
  EXPECT_FALSE(find_uuencode("begin the day\n#0V%T\n", arena, block));
  ASSERT_TRUE(find_uuencode("begin 6 x\n#0V%T\n", arena, block));
  EXPECT_TRUE(block.broken);
}

TEST(Uuencode, lines_with_cut_blanks_cannot_blow_up) {
  std::string text = "begin 644 x\n";
  for (int i = 0; i < 200'000; ++i) text += "_\n";
  Arena arena;
  EncodedBlock block;
  ASSERT_TRUE(read_uuencode(text, 0, arena, block));
  EXPECT_TRUE(block.broken);
  EXPECT_LE(block.bytes.size(), text.size() + 64 * 1024 + 72);
}

}  // namespace
}  // namespace winnow
