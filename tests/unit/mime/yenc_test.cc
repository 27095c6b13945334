#include "engine/mime/yenc.h"

#include <gtest/gtest.h>

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
    {"single", "=ybegin line=128 size=3 name=a b.bin\nm\x8b\x9e\n=yend size=3\n", true, "a b.bin",
     "Cat", false},
    {"quoted name", "=ybegin line=128 size=3 name=\"a b\" \nm\x8b\x9e\n=yend size=3\n", true, "a b",
     "Cat", false},
    {"crlf", "=ybegin line=128 size=3 name=a\r\nm\x8b\x9e\r\n=yend size=3\r\n", true, "a", "Cat",
     false},
    {"escape", "=ybegin line=128 size=2 name=a\nm=}\n=yend size=2\n", true, "a", "C\x13", false},
    {"part",
     "=ybegin part=1 total=2 line=128 size=6 name=a\n=ypart begin=1 end=3\nm\x8b\x9e\n"
     "=yend size=3 part=1\n",
     true, "a", "Cat", false},
    {"size differs", "=ybegin line=128 size=4 name=a\nm\x8b\x9e\n=yend size=4\n", true, "a", "Cat",
     true},
    {"crc differs", "=ybegin line=128 size=3 name=a\nm\x8b\x9e\n=yend size=3 crc32=00000001\n",
     true, "a", "Cat", true},
    {"not closed", "=ybegin line=128 size=3 name=a\nm\x8b\x9e\n", true, "a", "Cat", true},
    {"no size", "=ybegin line=128 name=a\nm\n=yend size=1\n", false, "", "", false},
    {"prose", "=yes\n", false, "", "", false},
};

TEST(Yenc, reads_blocks_and_leaves_prose) {
  for (const Row& row : kRows) {
    Arena arena;
    EncodedBlock block;
    EXPECT_EQ(read_yenc(row.input, 0, arena, block), row.found) << row.name;
    if (!row.found) continue;
    EXPECT_EQ(block.filename, row.filename) << row.name;
    EXPECT_EQ(block.bytes, row.bytes) << row.name;
    EXPECT_EQ(block.broken, row.broken) << row.name;
  }
}

TEST(Yenc, checks_the_crc) {
  Arena arena;
  EncodedBlock block;
  // 123456789 has the CRC-32 check value CBF43926.
  ASSERT_TRUE(
      find_yenc("text\n=ybegin line=128 size=9 name=a\n[\\]^_`abc\n"
                "=yend size=9 crc32=CBF43926\nmore",
                arena, block));
  EXPECT_EQ(block.bytes, "123456789");
  EXPECT_FALSE(block.broken);
}

}  // namespace
}  // namespace winnow
