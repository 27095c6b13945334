#include "engine/url/decoded.h"

#include <gtest/gtest.h>

namespace winnow {
namespace {

TEST(DecodedUrl, EscapesOnceWhereTheyMakeText) {
  const struct {
    std::string_view url, expected;
  } rows[] = {
      {"", ""},
      {"http://a.example/b", "http://a.example/b"},
      {"http://a.example/a%20b%2Fc%C3%A9d?q=%3D%22z%3cw",
       "http://a.example/a b/c\xC3\xA9"
       "d?q==\"z<w"},
      {"%E2%82%AC%F0%9F%98%80", "\xE2\x82\xAC\xF0\x9F\x98\x80"},
      {"a%2541%25", "a%41%"},                  // once
      {"%0A%00%1f%7F%09", "%0A%00%1f%7F%09"},  // what no reader sees
      {"%FF%C3%C3%A9%E2%82x", "%FF%C3\xC3\xA9%E2%82x"},
      {"%ED%A0%80%C0%AF", "%ED%A0%80%C0%AF"},
      {"%%4", "%%4"},
      {"%4%41%zz%", "%4A%zz%"},
  };
  std::vector<char> room;
  Arena arena(1024, 4096);
  for (const auto& row : rows) {
    EXPECT_EQ(decoded_url(row.url, room), row.expected);
    const size_t before = arena.used_bytes();
    const std::string_view copied = decoded_url(row.url, arena);
    EXPECT_EQ(copied, row.expected);
    const bool itself = row.url.find('%') == row.url.npos;
    EXPECT_EQ(arena.used_bytes() - before, itself ? 0 : copied.size()) << row.url;
  }
}

}  // namespace
}  // namespace winnow
