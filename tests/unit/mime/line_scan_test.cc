#include "engine/mime/line_scan.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace winnow {
namespace {

TEST(LineScan, twins_agree) {
  std::mt19937 random(4);
  constexpr std::string_view kBytes = "--\n\r=ybe-\0ab";
  for (int round = 0; round < 20000; ++round) {
    std::string in(random() % 100, 'x');
    const unsigned mix = random() % 8;
    for (char& c : in)
      if (random() % 8 < mix) c = kBytes[random() % 12];
    const size_t from = in.empty() ? 0 : random() % in.size();
    ASSERT_EQ(find_dash_line(in, from), find_dash_line_scalar(in, from)) << in;
    ASSERT_EQ(find_inline_mark(in, from), find_inline_mark_scalar(in, from)) << in;
    const LineCounts fast = count_lines(in);
    const LineCounts slow = count_lines_scalar(in);
    ASSERT_EQ(fast.lf, slow.lf) << in;
    ASSERT_EQ(fast.crlf, slow.crlf) << in;
    ASSERT_EQ(fast.cr, slow.cr) << in;
    ASSERT_EQ(fast.nul, slow.nul) << in;
    const size_t end = line_end(in, from);
    ASSERT_EQ(end, std::min(in.find_first_of("\r\n", from), in.size()));
  }
}

TEST(LineScan, finds_lines_with_two_dashes) {
  const std::string text = "--a\nb--\n-- c\r--d\r\n-";
  EXPECT_EQ(find_dash_line(text, 0), 0u);
  EXPECT_EQ(find_dash_line(text, 1), 8u);
  EXPECT_EQ(find_dash_line(text, 9), 13u);
  EXPECT_EQ(find_dash_line(text, 14), std::string_view::npos);
  EXPECT_EQ(find_dash_line("", 0), std::string_view::npos);
  EXPECT_EQ(past_line_end("a\r\nb", 1), 3u);
  EXPECT_EQ(past_line_end("a\rb", 1), 2u);
  EXPECT_EQ(past_line_end("a", 1), 1u);
}

}  // namespace
}  // namespace winnow
