#include "engine/arena.h"

#include <gtest/gtest.h>

namespace winnow {
namespace {

TEST(Arena, keeps_blocks_within_its_bound_and_hands_out_aligned_bytes) {
  Arena arena(1024, 4096);
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 100; ++i) {
      std::span<uint64_t> values = arena.alloc<uint64_t>(7);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(values.data()) % alignof(uint64_t), 0u);
      for (uint64_t& value : values) value = 42;
    }
    EXPECT_GE(arena.used_bytes(), 100u * 7 * 8);
    arena.reset();
    EXPECT_EQ(arena.used_bytes(), 0u);
    EXPECT_LE(arena.reserved_bytes(), 4096u + 1024u);
  }
}

TEST(Arena, a_block_over_the_bound_goes_back) {
  Arena arena(1024, 4096);
  (void)arena.alloc_bytes(100'000);
  EXPECT_GE(arena.reserved_bytes(), 100'000u);
  arena.reset();
  EXPECT_LE(arena.reserved_bytes(), 4096u);
}

TEST(ArenaText, grows_and_gives_its_tail_back) {
  Arena arena(256, 4096);
  std::string expected;
  ArenaText text(arena, 4);
  for (int i = 0; i < 1000; ++i) {
    text.push(static_cast<char>('a' + i % 26));
    text.append("xyz");
    expected.push_back(static_cast<char>('a' + i % 26));
    expected += "xyz";
  }
  EXPECT_EQ(text.finish(), expected);
  const size_t before = arena.used_bytes();
  (void)arena.copy("abc");
  EXPECT_EQ(arena.used_bytes(), before + 3);
}

TEST(ArenaTextDeathTest, nothing_else_allocates_while_it_is_open) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Arena arena(64);
  ArenaText closed(arena, 4), grown(arena, 4);
  EXPECT_DEATH(closed.finish(), "ends_at");
  arena.copy("x");
  EXPECT_DEATH(grown.append("longer than it has room"), "ends_at");
}

}  // namespace
}  // namespace winnow
