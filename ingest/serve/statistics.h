// What the service counted: /stat and /metrics, under the names Rspamd's clients look for.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "pipeline/service.h"

namespace winnow {

class Statistics {
 public:
  void add(const Scanned& scanned);  // thread-safe
  void append_stat(const LiveRules& live, size_t open, std::string& out) const;
  void append_metrics(const LiveRules& live, size_t open, std::string& out) const;

  std::atomic<uint64_t> connections{0};
  std::atomic<uint64_t> overloads{0};

 private:
  static constexpr size_t kBuckets = 10;
  // Actions as Rspamd counts them; others are counted in `scanned` alone.
  static constexpr std::array<std::string_view, 6> kActions{
      "reject", "soft reject", "rewrite subject", "add header", "greylist", "no action"};
  std::array<std::atomic<uint64_t>, kActions.size()> actions_{};
  std::atomic<uint64_t> scanned_{0}, spam_{0}, sum_us_{0};
  std::array<std::atomic<uint64_t>, kBuckets + 1> scan_time_{};
  const int64_t start_ms_ = clock_ms();
};

}  // namespace winnow
