#include "ingest/serve/statistics.h"

#include <fmt/format.h>

#include "ingest/http/reply.h"

namespace winnow {

namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr uint64_t kBucketUs[] = {500,    1'000,   2'500,   5'000,     10'000,
                                  25'000, 100'000, 500'000, 1'000'000, 8'000'000};
constexpr const char* kBucketNames[] = {"0.0005", "0.001", "0.0025", "0.005", "0.01",
                                        "0.025",  "0.1",   "0.5",    "1.0",   "8.0"};

}  // namespace

void Statistics::add(const Scanned& scanned) {
  const Verdict& verdict = scanned.one.verdict;
  const std::string& action = scanned.live.rules->model.actions[index(verdict.action)].name;
  scanned_.fetch_add(1, kRelaxed);
  if (is_spam(scanned.live, verdict)) spam_.fetch_add(1, kRelaxed);
  for (size_t i = 0; i < kActions.size(); ++i)
    if (kActions[i] == action) actions_[i].fetch_add(1, kRelaxed);
  const auto us = static_cast<uint64_t>(scanned.scan_us);
  sum_us_.fetch_add(us, kRelaxed);
  size_t bucket = 0;
  while (bucket < kBuckets && us > kBucketUs[bucket]) ++bucket;
  scan_time_[bucket].fetch_add(1, kRelaxed);
}

void Statistics::append_stat(const LiveRules& live, size_t open, std::string& out) const {
  const uint64_t scanned = scanned_.load(kRelaxed), spam = spam_.load(kRelaxed);
  fmt::format_to(std::back_inserter(out),
                 "{{\"version\":\"{}\",\"config_id\":\"{:016x}\",\"uptime\":{},\"read_only\":false,"
                 "\"scanned\":{},\"learned\":0,\"actions\":{{",
                 WINNOW_VERSION, live.rules->identity, (clock_ms() - start_ms_) / 1000, scanned);
  for (size_t i = 0; i < kActions.size(); ++i)
    fmt::format_to(std::back_inserter(out), "{}\"{}\":{}", i ? "," : "", kActions[i],
                   actions_[i].load(kRelaxed));
  fmt::format_to(std::back_inserter(out),
                 "}},\"scan_times\":[],\"spam_count\":{},\"ham_count\":{},\"connections\":{},"
                 "\"control_connections\":0,\"pools_allocated\":0,\"pools_freed\":0,"
                 "\"bytes_allocated\":0,\"chunks_allocated\":0,\"shared_chunks_allocated\":0,"
                 "\"chunks_freed\":0,\"chunks_oversized\":0,\"fragmented\":0,\"total_learns\":0,"
                 "\"statfiles\":[],\"fuzzy_hashes\":{{}},\"open_connections\":{}}}",
                 spam, scanned - spam, connections.load(kRelaxed), open);
}

void Statistics::append_metrics(const LiveRules& live, size_t open, std::string& out) const {
  const auto to = std::back_inserter(out);
  const uint64_t scanned = scanned_.load(kRelaxed), spam = spam_.load(kRelaxed);
  const double seconds = static_cast<double>(sum_us_.load(kRelaxed)) / 1e6;
  fmt::format_to(to,
                 "# TYPE rspamd_build info\nrspamd_build_info{{version=\"{}\"}} 1\n"
                 "# TYPE rspamd_config info\nrspamd_config_info{{id=\"{:016x}\"}} 1\n"
                 "# TYPE rspamd_scan_time_average gauge\nrspamd_scan_time_average {:.6f}\n"
                 "# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds {}\n"
                 "# TYPE rspamd_read_only gauge\nrspamd_read_only 0\n"
                 "# TYPE rspamd_scanned counter\nrspamd_scanned_total {}\n"
                 "# TYPE rspamd_learned counter\nrspamd_learned_total 0\n"
                 "# TYPE rspamd_spam counter\nrspamd_spam_total {}\n"
                 "# TYPE rspamd_ham counter\nrspamd_ham_total {}\n"
                 "# TYPE rspamd_connections gauge\nrspamd_connections {}\n"
                 "# TYPE rspamd_actions counter\n",
                 WINNOW_VERSION, live.rules->identity,
                 scanned ? seconds / static_cast<double>(scanned) : 0.0, start_ms_ / 1000, scanned,
                 spam, scanned - spam, open);
  for (size_t i = 0; i < kActions.size(); ++i)
    fmt::format_to(to, "rspamd_actions_total{{type=\"{}\"}} {}\n", kActions[i],
                   actions_[i].load(kRelaxed));
  out += "# TYPE winnow_scan_seconds histogram\n";
  uint64_t sum = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    sum += scan_time_[i].load(kRelaxed);
    fmt::format_to(to, "winnow_scan_seconds_bucket{{le=\"{}\"}} {}\n", kBucketNames[i], sum);
  }
  sum += scan_time_[kBuckets].load(kRelaxed);
  fmt::format_to(to,
                 "winnow_scan_seconds_bucket{{le=\"+Inf\"}} {}\nwinnow_scan_seconds_sum {:.6f}\n"
                 "winnow_scan_seconds_count {}\n# TYPE winnow_overloads counter\n"
                 "winnow_overloads_total {}\n# EOF\n",
                 sum, seconds, sum, overloads.load(kRelaxed));
}

}  // namespace winnow
