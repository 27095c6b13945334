// Answers that were given before, for as long as they hold: values, none, and for a short while
// that there was no answer. Bounded in bytes; what was not used longest goes first. Not
// thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/evidence.h"

namespace winnow {

// An answer that belongs to nobody's slab.
struct KeptAnswer {
  AnswerState state = AnswerState::kUnknown;
  UnknownReason reason = UnknownReason::kNotUnknown;
  bool name_exists = true;
  bool authentic = false;
  uint32_t ttl_s = 0;
  std::vector<std::string> values = {};
  static constexpr uint32_t kHosts = UINT32_MAX - 1;
  uint32_t server = UINT32_MAX;  // who said it; kHosts: a file of hosts; else nobody
  uint32_t took_us = 0;          // from the first packet sent

  // Into a case; values and the name of the server are copied into `slab`.
  Answer in(Arena& slab, std::string_view server_name, uint32_t age_s) const;
};

struct CacheBounds {
  size_t bytes_max = 32 << 20;
  uint32_t ttl_min_s = 5;  // a name that changes faster is asked once for all messages meanwhile
  uint32_t ttl_max_s = 86'400;
  uint32_t negative_ttl_max_s = 3'600;
  uint32_t failure_ttl_s = 5;  // RFC 9520 3.2: at least 1 s, at most 5 min
  bool operator==(const CacheBounds&) const = default;
};

class AnswerCache {
 public:
  using Clock = std::chrono::steady_clock;
  struct Hit {
    std::shared_ptr<const KeptAnswer> answer;  // null: not there
    std::chrono::seconds age{};
  };

  explicit AnswerCache(const CacheBounds& bounds) : bounds_(bounds) {}
  Hit find(std::string_view key, Clock::time_point now);
  void put(std::string key, std::shared_ptr<const KeptAnswer> answer, Clock::time_point now);
  size_t bytes() const { return bytes_; }
  size_t entries() const { return index_.size(); }

 private:
  struct Entry {
    std::string key;
    std::shared_ptr<const KeptAnswer> answer;
    Clock::time_point since, until;
    size_t bytes;
  };
  using Place = std::list<Entry>::iterator;
  std::chrono::seconds holds(const KeptAnswer& answer) const;
  void erase(Place place);

  const CacheBounds bounds_;
  std::list<Entry> entries_;                           // the one used last is first
  std::unordered_map<std::string_view, Place> index_;  // keys point into the entries
  size_t bytes_ = 0;
};

}  // namespace winnow
