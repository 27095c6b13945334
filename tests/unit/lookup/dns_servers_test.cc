// Which servers a configuration names, and which of them is asked.
#include "pipeline/lookup/dns_servers.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace winnow {
namespace {

using namespace std::chrono_literals;
using Clock = ServerHealth::Clock;
const Clock::time_point kStart{};

Result<std::string> read(const std::string& path) {
  if (path == "/empty") return std::string("# nothing\nnameservers 192.0.2.9\n");
  if (path == "/good")
    return std::string(
        "search example.org\nnameserver 192.0.2.1\n; nameserver 192.0.2.2\n"
        "  nameserver\t2001:db8::1  \nnameserver not-an-address\noptions timeout:1");
  return fail("cannot read " + path);
}

// "ORDER address:port:priority ..." or "error: ...".
std::string shown(std::string_view entry) {
  DnsServers servers;
  if (const Result<void> added = add_nameservers(entry, servers, read); !added) return "error";
  constexpr std::string_view kOrders[] = {"round", "master", "hash"};
  std::string out(kOrders[static_cast<size_t>(servers.order)]);
  for (const DnsServer& one : servers.list)
    out += " " + one.text() + "*" + std::to_string(one.priority);
  return out;
}

TEST(DnsServersText, as_people_write_them) {
  const std::pair<std::string_view, std::string_view> rows[] = {
      {"192.0.2.1", "round 192.0.2.1:53*1"},
      {"192.0.2.1:5353", "round 192.0.2.1:5353*1"},
      {"192.0.2.1:53:10", "round 192.0.2.1:53*10"},
      {"2001:db8::1", "round [2001:db8::1]:53*1"},
      {"[2001:db8::1]", "round [2001:db8::1]:53*1"},
      {"[2001:db8::1]:5353:7", "round [2001:db8::1]:5353*7"},
      {"::1", "round [::1]:53*1"},
      {"round-robin:192.0.2.1, 192.0.2.2:54", "round 192.0.2.1:53*1 192.0.2.2:54*1"},
      {"master-slave:192.0.2.1:53:10,192.0.2.2:53:1", "master 192.0.2.1:53*10 192.0.2.2:53*1"},
      {"hash:192.0.2.1,::1", "hash 192.0.2.1:53*1 [::1]:53*1"},
      {"/good", "round 192.0.2.1:53*1 [2001:db8::1]:53*1"},
      {"/empty", "error"},
      {"/missing", "error"},
      {"dns.example", "error"},
      {"192.0.2.1:0", "error"},
      {"192.0.2.1:65536", "error"},
      {"192.0.2.1:dns", "error"},
      {"192.0.2.1:53:x", "error"},
      {"[2001:db8::1", "error"},
      {"192.0.2.256", "error"},
  };
  for (const auto& [entry, expected] : rows) EXPECT_EQ(shown(entry), expected) << entry;
}

DnsServers servers(std::string_view entry) {
  DnsServers out;
  EXPECT_TRUE(add_nameservers(entry, out, read));
  return out;
}

// The servers that `count` questions of different names go to.
std::string chosen(ServerHealth& health, size_t count, Clock::time_point now = kStart) {
  std::string out;
  for (uint32_t i = 0; i < count; ++i)
    out += static_cast<char>('0' + health.choose(i * 2'654'435'761u, 0, now));
  return out;
}

TEST(ServerHealth, in_turn_in_proportion_to_priorities) {
  ServerHealth even(servers("192.0.2.1,192.0.2.2,192.0.2.3"));
  EXPECT_EQ(chosen(even, 6), "012012");
  ServerHealth uneven(servers("192.0.2.1:53:3,192.0.2.2:53:1"));
  const std::string some = chosen(uneven, 400);
  EXPECT_EQ(std::ranges::count(some, '0'), 300);
}

TEST(ServerHealth, the_master_until_it_is_out) {
  ServerHealth health(servers("master-slave:192.0.2.1:53:1,192.0.2.2:53:10"));
  EXPECT_EQ(chosen(health, 3), "111");
  for (unsigned i = 0; i < ServerHealth::kFailuresMax; ++i) {
    EXPECT_TRUE(health.alive(1, kStart));
    health.failed(1, kStart);
  }
  EXPECT_FALSE(health.alive(1, kStart));
  EXPECT_EQ(chosen(health, 3), "000");
}

TEST(ServerHealth, a_name_goes_to_one_server) {
  ServerHealth health(servers("hash:192.0.2.1,192.0.2.2,192.0.2.3"));
  const std::string first = chosen(health, 60);
  EXPECT_EQ(chosen(health, 60), first);
  for (const char server : {'0', '1', '2'}) EXPECT_NE(first.find(server), first.npos);
}

TEST(ServerHealth, a_question_goes_elsewhere_when_it_is_sent_again) {
  ServerHealth health(servers("master-slave:192.0.2.1:53:10,192.0.2.2:53:1"));
  EXPECT_EQ(health.choose(0, 0, kStart), 0u);
  EXPECT_EQ(health.choose(0, 1, kStart), 1u);
  EXPECT_EQ(health.choose(0, 3, kStart), 0u);  // where there is no other
}

TEST(ServerHealth, one_answer_makes_it_good_again) {
  ServerHealth health(servers("192.0.2.1,192.0.2.2"));
  for (unsigned i = 0; i + 1 < ServerHealth::kFailuresMax; ++i) health.failed(0, kStart);
  health.answered(0);
  for (unsigned i = 0; i + 1 < ServerHealth::kFailuresMax; ++i) health.failed(0, kStart);
  EXPECT_TRUE(health.alive(0, kStart));
}

TEST(ServerHealth, one_that_was_out_is_tried_within_ten_seconds_by_one_question) {
  static_assert(ServerHealth::kRetry < 10s);
  ServerHealth health(servers("192.0.2.1,192.0.2.2"));
  for (unsigned i = 0; i < ServerHealth::kFailuresMax; ++i) health.failed(0, kStart);
  EXPECT_EQ(chosen(health, 4, kStart + ServerHealth::kRetry - 1ms), "1111");
  const std::string later = chosen(health, 8, kStart + ServerHealth::kRetry);
  EXPECT_EQ(std::ranges::count(later, '0'), 1);
  health.answered(0);
  EXPECT_EQ(std::ranges::count(chosen(health, 8, kStart + ServerHealth::kRetry), '0'), 4);
}

TEST(ServerHealth, where_all_are_out_somebody_is_asked_all_the_same) {
  ServerHealth health(servers("192.0.2.1,192.0.2.2"));
  for (const size_t server : {size_t{1}, size_t{0}})
    for (unsigned i = 0; i < ServerHealth::kFailuresMax; ++i)
      health.failed(server, kStart + std::chrono::seconds(server == 0));
  EXPECT_EQ(health.choose(0, 0, kStart + 2s), 1u);  // out longest
}

}  // namespace
}  // namespace winnow
