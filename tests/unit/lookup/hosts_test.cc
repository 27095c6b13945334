#include "pipeline/lookup/hosts.h"

#include <gtest/gtest.h>

namespace winnow {
namespace {

TEST(Hosts, lines) {
  HostTable hosts;
  hosts.add(
      "# 192.0.2.9 comment.example\n"
      "192.0.2.1\tOne.Example. one\r\n"
      "   2001:db8::1 one.example # two.example\n"
      "192.0.2.2 one.example\n"
      "192.0.2.1 one.example\n"
      "192.0.2.3\n"
      "nonsense three.example\n"
      "\n"
      "127.0.0.1 last.example");
  const auto text = [&](std::string_view name, uint16_t type) {
    std::string out;
    if (const auto* const found = hosts.find(name, type))
      for (const std::string& one : *found) out += one + " ";
    return out;
  };
  EXPECT_EQ(text("one.example", 1), "192.0.2.1 192.0.2.2 ");
  EXPECT_EQ(text("one.example", 28), "2001:db8::1 ");
  EXPECT_EQ(text("one.example", 16), "");
  EXPECT_EQ(text("one", 1), "192.0.2.1 ");
  EXPECT_EQ(text("one", 28), "");
  EXPECT_EQ(text("last.example", 1), "127.0.0.1 ");
  for (const char* const none : {"comment.example", "two.example", "three.example", ""})
    EXPECT_EQ(hosts.find(none, 1), nullptr) << none;
  HostTable same, other;
  same.add("192.0.2.1 a.example");
  other.add("192.0.2.2 a.example");
  EXPECT_NE(same, other);
  EXPECT_TRUE(HostTable().empty());
}

}  // namespace
}  // namespace winnow
