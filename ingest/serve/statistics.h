// What the service counted: /stat, /auth and /metrics, under the names Rspamd's clients look for,
// and Winnow's own as winnow_*.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ingest/proxy/counts.h"
#include "pipeline/service.h"

namespace winnow {

// What was learnt, as of a moment; all 0 where there are no statistics.
struct LearntNow {
  uint64_t since_start = 0;  // messages that this process learnt
  uint64_t bytes = 0;        // of the store
  struct Class {
    std::string symbol, name;
    uint64_t messages = 0;  // learnt, of the statistics that all share
  };
  std::vector<Class> classes = {};  // none: there are no statistics

  uint64_t messages() const {
    uint64_t out = 0;
    for (const Class& one : classes) out += one.messages;
    return out;
  }
};

class Statistics {
 public:
  void add(const Scanned& scanned);  // thread-safe
  // What a front did not take. Thread-safe; both are literals, so that there are few of them.
  void add_refused(std::string_view front, std::string_view reason);
  // A JSON object of what /stat says; `read_only` is what the client may do.
  void append_stat(const LiveRules& live, size_t open, bool read_only, const LearntNow& learnt,
                   std::string& out) const;
  // The same for /auth.
  void append_auth(const LiveRules& live, bool read_only, const LearntNow& learnt,
                   std::string& out) const;
  // OpenMetrics 1.0.
  void append_metrics(const Service& service, size_t open, const LearntNow& learnt,
                      std::string& out) const;

  std::atomic<uint64_t> connections{0};
  std::atomic<uint64_t> control_connections{0};
  std::atomic<uint64_t> overloads{0};
  std::atomic<uint64_t> refused_passwords{0};
  std::atomic<uint64_t> unknown_headers{0};  // of requests
  RemoteCounts remote;

 private:
  // Actions as Rspamd counts them; others are counted in `scanned` alone.
  static constexpr std::array<std::string_view, 6> kActions{
      "reject", "soft reject", "rewrite subject", "add header", "greylist", "no action"};
  static constexpr size_t kLast = 31;  // scan times that /stat tells
  static constexpr size_t kReasons = static_cast<size_t>(UnknownReason::kNotReplayed) + 1;
  uint64_t count(std::string_view action) const;
  std::array<std::atomic<uint64_t>, kActions.size()> actions_{};
  std::atomic<uint64_t> scanned_{0}, spam_{0};
  Histogram answer_;
  std::array<std::atomic<uint64_t>, kReasons> unknown_{};
  mutable std::mutex mutex_;  // guards what follows
  std::array<int64_t, kLast> last_us_{};
  size_t last_ = 0;                                                            // ever written
  std::map<std::pair<std::string_view, std::string_view>, uint64_t> refused_;  // front, reason
  const int64_t start_ms_ = clock_ms();
};

}  // namespace winnow
