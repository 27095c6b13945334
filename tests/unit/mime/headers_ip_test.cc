#include <gtest/gtest.h>

#include "engine/mime/ip.h"

namespace winnow {
namespace {

struct Row {
  std::string_view text;
  std::string_view expected;  // canonical; empty = no address
  int family;
  bool local;
};

constexpr Row kRows[] = {
    {"192.0.2.1", "192.0.2.1", 4, false},
    {"[192.0.2.1]", "192.0.2.1", 4, false},
    {"10.255.0.1", "10.255.0.1", 4, true},
    {"172.16.0.1", "172.16.0.1", 4, true},
    {"172.32.0.1", "172.32.0.1", 4, false},
    {"192.168.7.7", "192.168.7.7", 4, true},
    {"169.254.1.1", "169.254.1.1", 4, true},
    {"127.9.9.9", "127.9.9.9", 4, true},
    {"255.255.255.255", "255.255.255.255", 4, false},
    {"IPv6:2001:DB8::1", "2001:db8::1", 6, false},
    {"[IPv6:2001:db8::1]", "2001:db8::1", 6, false},
    {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1", 6, false},
    {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1", 6, false},
    {"0:0:0:0:0:0:0:0", "::", 6, false},
    {"::", "::", 6, false},
    {"::1", "::1", 6, true},
    {"1::", "1::", 6, false},
    {"fe80::1%eth0", "fe80::1", 6, true},
    {"fec0::1", "fec0::1", 6, true},
    {"fd12:3456::1", "fd12:3456::1", 6, true},
    {"fc00::1", "fc00::1", 6, false},
    {"::ffff:192.0.2.1", "192.0.2.1", 4, false},
    {"64:ff9b::192.0.2.33", "64:ff9b::c000:221", 6, false},
    {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8", 6, false},
    {"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304", 6, false},
    {"256.0.0.1", "", 0, false},
    {"1.2.3", "", 0, false},
    {"1.2.3.4.5", "", 0, false},
    {"01.2.3.4", "", 0, false},
    {"1.2.3.4 ", "", 0, false},
    {"1.2.3.", "", 0, false},
    {"", "", 0, false},
    {"[]", "", 0, false},
    {":", "", 0, false},
    {":::", "", 0, false},
    {"1:2:3:4:5:6:7", "", 0, false},
    {"1:2:3:4:5:6:7:8:9", "", 0, false},
    {"1:2:3:4:5:6:7::8", "", 0, false},
    {"1::2::3", "", 0, false},
    {"1:2:3:4:5:6:7:1.2.3.4", "", 0, false},
    {"12345::", "", 0, false},
    {"1:", "", 0, false},
    {"g::", "", 0, false},
};

TEST(Ip, rows) {
  Arena arena;
  for (const Row& row : kRows) {
    const std::optional<IpAddress> ip = parse_ip(row.text);
    ASSERT_EQ(ip.has_value(), row.family != 0) << row.text;
    if (!ip) continue;
    EXPECT_EQ(ip->family, row.family) << row.text;
    EXPECT_EQ(format_ip(*ip, arena), row.expected) << row.text;
    EXPECT_EQ(is_local_ip(*ip), row.local) << row.text;
    EXPECT_TRUE(same_ip(*ip, *parse_ip(row.expected))) << row.text;
  }
}

TEST(Ip, nets) {
  const auto in = [](std::string_view ip, std::string_view net, unsigned bits) {
    return ip_in_net(*parse_ip(ip), *parse_ip(net), bits);
  };
  EXPECT_TRUE(in("192.0.2.255", "192.0.2.0", 24));
  EXPECT_FALSE(in("192.0.3.0", "192.0.2.0", 24));
  EXPECT_TRUE(in("192.0.3.0", "192.0.2.0", 23));
  EXPECT_TRUE(in("1.2.3.4", "0.0.0.0", 0));
  EXPECT_FALSE(in("2001:db8::1", "0.0.0.0", 0));
  EXPECT_TRUE(in("2001:db8::1", "2001:db8::", 127));
  EXPECT_FALSE(in("2001:db8::2", "2001:db8::", 127));
  EXPECT_FALSE(in("2001:db8::1", "2001:db8::", 128));
}

}  // namespace
}  // namespace winnow
