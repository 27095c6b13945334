// MessageBytes: what it holds, and when it takes memory over instead of copying.
#include "pipeline/message.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace winnow {
namespace {

bool is_padded(const MessageBytes& bytes) {
  const char* const end = bytes.view().data() + bytes.size();
  return std::all_of(end, end + Batch::kPadding, [](char c) { return c == '\0'; });
}

TEST(MessageBytes, TakesMemoryThatIsUsed) {
  std::string text;
  text.reserve(10'000 + Batch::kPadding);
  text.append(10'000, 'x');
  const char* const at = text.data();
  MessageBytes taken = MessageBytes::of(std::move(text));
  EXPECT_EQ(taken.view().data(), at);
  EXPECT_EQ(taken.view(), std::string(10'000, 'x'));
  EXPECT_TRUE(is_padded(taken));
  const MessageBytes moved = std::move(taken);
  EXPECT_EQ(moved.view().data(), at);
}

TEST(MessageBytes, CopiesWhereMuchMemoryIsUnused) {
  const size_t most = 10'000 + 10'000 / 8 + 2 * Batch::kPadding;
  for (const size_t capacity : {most, most + 1}) {
    std::string text;
    text.reserve(capacity);
    text.append(10'000, 'x');
    const char* const at = text.data();
    const MessageBytes bytes = MessageBytes::of(std::move(text));
    EXPECT_EQ(bytes.view().data() == at, capacity == most);
    EXPECT_EQ(bytes.view(), std::string(10'000, 'x'));
    EXPECT_TRUE(is_padded(bytes));
  }
}

TEST(MessageBytes, OfNothing) {
  EXPECT_EQ(MessageBytes().size(), 0u);
  EXPECT_EQ(MessageBytes::of({}).view(), "");
  EXPECT_TRUE(is_padded(MessageBytes::of({})));
  EXPECT_TRUE(is_padded(MessageBytes("")));
}

}  // namespace
}  // namespace winnow
