// Servers as people write them.
#include "rules/config/server_text.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace winnow {
namespace {

// "host|port|more", "-" for what is not there; or the error.
std::string shown(std::string_view text, uint16_t port_min = 1) {
  const Result<ServerText> one = split_server(text, port_min);
  if (!one) return one.error().what;
  return fmt::format("{}|{}|{}", one->host, one->port ? fmt::to_string(*one->port) : "-",
                     one->more.value_or("-"));
}

TEST(ServerText, every_form) {
  const std::pair<std::string_view, std::string_view> rows[] = {
      {"mx", "mx|-|-"},
      {"mx:25", "mx|25|-"},
      {"mx:65535:10", "mx|65535|10"},
      {"mx:25:", "mx|25|"},
      {"192.0.2.1", "192.0.2.1|-|-"},
      {"192.0.2.1:53", "192.0.2.1|53|-"},
      {"::1", "::1|-|-"},
      {"2001:db8::1:53", "2001:db8::1:53|-|-"},  // an address, and nothing says where it would end
      {"[::1]", "::1|-|-"},
      {"[2001:db8::1]:53", "2001:db8::1|53|-"},
      {"[2001:db8::1]:53:x:y", "2001:db8::1|53|x:y"},
      {"*:11332", "*|11332|-"},
  };
  for (const auto& [text, expected] : rows) EXPECT_EQ(shown(text), expected) << text;
  EXPECT_EQ(shown("*:0", 0), "*|0|-");
}

TEST(ServerText, every_error_names_the_text) {
  const std::pair<std::string_view, std::string_view> rows[] = {
      {"", "\"\" names no host"},
      {":25", "\":25\" names no host"},
      {"[::1", "\"[::1\" has no ]"},
      {"[]:25", "\"[]:25\" is no [IPv6 address]:port"},
      {"[mx]:25", "\"[mx]:25\" is no [IPv6 address]:port"},
      {"[::1]25", "\"[::1]25\" is no [IPv6 address]:port"},
      {"a:b:c:7", "\"a:b:c:7\" is no IPv6 address"},
      {"mx:", "\"mx:\" has no port from 1 to 65535"},
      {"mx:0", "\"mx:0\" has no port from 1 to 65535"},
      {"mx:65536", "\"mx:65536\" has no port from 1 to 65535"},
      {"mx:2x", "\"mx:2x\" has no port from 1 to 65535"},
      {"mx:-1", "\"mx:-1\" has no port from 1 to 65535"},
      {"[::1]:x:10", "\"[::1]:x:10\" has no port from 1 to 65535"},
  };
  for (const auto& [text, expected] : rows) EXPECT_EQ(shown(text), expected) << text;
  EXPECT_EQ(shown("*:x", 0), "\"*:x\" has no port from 0 to 65535");
}

TEST(ServerText, is_written_as_it_is_read) {
  EXPECT_EQ(server_text("mx", 25), "mx:25");
  EXPECT_EQ(server_text("192.0.2.1", 53), "192.0.2.1:53");
  EXPECT_EQ(server_text("2001:db8::1", 53), "[2001:db8::1]:53");
  EXPECT_EQ(server_text("[2001:db8::1]", 53), "[2001:db8::1]:53");
}

TEST(ServerText, lists_with_their_order) {
  const auto list = [](std::string_view text) {
    const ServerList servers = split_servers(text);
    return fmt::format("{}|{}", servers.order ? static_cast<int>(*servers.order) : -1,
                       fmt::join(servers.servers, "|"));
  };
  EXPECT_EQ(list("a"), "-1|a");
  EXPECT_EQ(list(" a:1 ,b;;\tc\r,"), "-1|a:1|b|c");
  EXPECT_EQ(list(""), "-1|");
  EXPECT_EQ(list(" ,; "), "-1|");
  EXPECT_EQ(list("round-robin:a"), "0|a");
  EXPECT_EQ(list("master-slave: a, b"), "1|a|b");
  EXPECT_EQ(list("sequential:a"), "1|a");
  EXPECT_EQ(list("hash:a"), "2|a");
  EXPECT_EQ(list("random:a"), "3|a");
  EXPECT_EQ(list("random:"), "3|");
}

}  // namespace
}  // namespace winnow
