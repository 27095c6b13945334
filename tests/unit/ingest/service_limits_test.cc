// What the configuration says of the service's limits, and which of two that say it counts.
#include "ingest/serve/service_limits.h"

#include <gtest/gtest.h>

#include "rules/config/ucl_parse.h"

namespace winnow {
namespace {

ServiceLimits read(std::string_view text) {
  ServiceLimits limits;
  const auto parsed = parse_ucl(text, "t");
  EXPECT_TRUE(parsed) << parsed.error().text();
  if (parsed) read_service_limits(parsed->document->root(), limits);
  return limits;
}

TEST(ServiceLimits, EachOptionHasItsPlace) {
  const ServiceLimits all = read(R"(
    options { task_timeout = 3s; max_message = 7M; }
    worker "normal" { timeout = 11s; max_tasks = 13; }
    winnow { memory = 17M; max_connections = 19; max_connections_per_source = 5;
      slow_client_rate = 23; command_wait_max = 29s; queue_wait_max = 31s; drain_max = 37s;
      user = "u"; group = "g"; })");
  EXPECT_EQ(all.service.task_timeout_ms, 3'000);
  EXPECT_EQ(all.server.http_limits.body_max, 7'000'000u);
  EXPECT_EQ(all.server.io_timeout_ms, 11'000);
  EXPECT_EQ(all.server.http_idle_max_ms, 11'000);
  EXPECT_EQ(all.service.messages_max, 13u);
  EXPECT_EQ(all.service.byte_budget, 17'000'000u);
  EXPECT_EQ(all.server.connections_max, 19u);
  EXPECT_EQ(all.server.connections_per_source_max, 5u);
  EXPECT_EQ(all.server.slow_bytes_per_s, 23);
  EXPECT_EQ(all.server.command_wait_max_ms, 29'000);
  EXPECT_EQ(all.server.content_wait_max_ms, 31'000);
  EXPECT_EQ(all.service.queue_wait_max_ms, 31'000);
  EXPECT_EQ(all.server.drain_max_ms, 37'000);
  EXPECT_EQ(all.user + all.group, "ug");
}

TEST(ServiceLimits, WhatDiffersIsNamed) {
  const ServiceLimits some = read("options { max_message = 1M; }");
  EXPECT_TRUE(limits_that_differ(some, some).empty());
  EXPECT_EQ(limits_that_differ(some, read("winnow { memory = 17M; user = u; }")),
            (std::vector<std::string_view>{"max_message", "memory", "user"}));
}

TEST(ServiceLimits, TheOwnSectionCountsThenTheWorkerThenOptions) {
  EXPECT_EQ(read("options { task_timeout = 3s; } worker \"normal\" { task_timeout = 5s; }")
                .service.task_timeout_ms,
            5'000);
  const std::string worker =
      "worker \"rspamd_proxy\" { max_connections = 50; max_connections_per_source = 2; }";
  EXPECT_EQ(read(worker).server.connections_max, 50u);
  EXPECT_EQ(read(worker).server.connections_per_source_max, 2u);
  EXPECT_EQ(read(worker + " winnow { max_connections = 60; }").server.connections_max, 60u);
}

TEST(ServiceLimits, ZeroIsNoLimitWhereRspamdSaysSo) {
  const ServiceLimits standard;
  EXPECT_EQ(read("options { task_timeout = 0; }").service.task_timeout_ms, 86'400'000);
  EXPECT_EQ(read("options { max_message = 0; }").server.http_limits.body_max,
            standard.server.http_limits.body_max);
  EXPECT_EQ(read("worker \"rspamd_proxy\" { max_connections = 0; }").server.connections_max,
            standard.server.connections_max);
  EXPECT_EQ(read("worker \"normal\" { max_tasks = 0; }").service.messages_max, 0u);
}

TEST(ServiceLimits, WhatMeansNothingLeavesTheDefault) {
  const ServiceLimits standard;
  const ServiceLimits odd =
      read("winnow { memory = -1; drain_max = -5s; max_connections = many; }");
  EXPECT_EQ(odd.service.byte_budget, standard.service.byte_budget);
  EXPECT_EQ(odd.server.drain_max_ms, standard.server.drain_max_ms);
  EXPECT_EQ(odd.server.connections_max, standard.server.connections_max);
}

}  // namespace
}  // namespace winnow
