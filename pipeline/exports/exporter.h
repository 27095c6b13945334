// Sends what rules export (rules/checks/exports), beside mail and never in its way: each rule has a
// queue and up to kSendersMax threads of its own, so that a server that is silent holds up nobody
// else's exports. Queues are bounded in bytes; what finds no room is dropped and counted. What goes
// wrong is told once a minute and rule at most.
//
// Mail that waits for an export (defer) hands its case over as to Lookup::ask(): until `ready` is
// called its evidence belongs to this. It gets its answer when the server took the export, when
// that failed, or when the rule's time is over; at its own deadline it goes on without one.
//
// A job holds the rule that judged its message: a reload takes nothing from it.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "engine/result.h"
#include "pipeline/case.h"
#include "pipeline/lookup/store/redis_client.h"
#include "rules/checks/exports/export_formats.h"

namespace winnow {

class Exporter {
 public:
  using Clock = std::chrono::steady_clock;
  using Ready = std::function<void()>;
  using Tell = std::function<void(const std::string&)>;
  // With what a rule's export is sent.
  struct Means {
    RedisClient* redis = nullptr;  // may be null; has time-outs of its own
    int64_t timeout_ms = 0;
    const std::atomic<bool>* given_up = nullptr;  // true: it should end
  };
  using Send = std::function<Result<void>(const ExportRule&, const ExportText&, const Means&)>;
  static constexpr size_t kWaitingBytesMax = size_t{32} << 20;  // each rule has an equal share
  static constexpr size_t kLargeBytesMax = size_t{80} << 20;    // those over their share, together
  static constexpr unsigned kSendersMax = 4;                    // threads of one rule
  static constexpr std::chrono::seconds kDrain{3};              // for what waits at the end

  struct Counts {
    std::string rule;
    uint64_t sent = 0, failed = 0, dropped = 0;
    size_t waiting_bytes = 0;
  };

  // `tell`: something to warn of; called by any thread. `send` is replaced by tests.
  Exporter(std::string host_name, Tell tell, Send send);
  ~Exporter();  // what waits is sent for a while, then dropped; every case that waits is ready
  Exporter(const Exporter&) = delete;
  Exporter& operator=(const Exporter&) = delete;

  // The rules from now on. `redis` may be null: exports to Redis fail then.
  void use(const std::vector<std::shared_ptr<const ExportRule>>& rules,
           std::shared_ptr<RedisClient> redis);
  // Takes what the effects of a verdict export; does not wait. Thread-safe.
  void carry_out(const ExportPlan& plan, const ScoreModel& model, const Case& one);

  // Whether the evidence has an open question for this.
  static bool has_open(const Evidence& evidence);
  // Answers these. `one` has its message, and the verdict that is told of. True: all are answered,
  // `ready` is never called. Thread-safe.
  bool ask(const ExportPlan& plan, const ScoreModel& model, Case& one, Clock::time_point deadline,
           Ready ready);

  std::vector<Counts> counts() const;  // by rule

 private:
  struct Wait;
  struct Job;
  struct Lane;

  ExportText write(const ExportPlan& plan, const ExportRule& rule, const ScoreModel& model,
                   const Case& one);
  bool put(Job&& job);
  void work(Lane& lane);
  void watch();
  void answer(Wait& wait, size_t question, std::string_view text);
  void over(std::shared_ptr<Wait> wait);
  void count(Lane& lane, const Job& job, const Result<void>& done);
  void complain(Lane& lane, std::string_view why, Clock::time_point now);
  void call_ready(std::unique_lock<std::mutex>& lock);

  const std::string host_name_;
  const Tell tell_;
  const Send send_;
  std::atomic<bool> given_up_{false};

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable watch_wake_, idle_;
  std::list<Lane> lanes_;
  std::map<std::string, Counts, std::less<>> counts_;
  std::shared_ptr<RedisClient> redis_;
  std::list<std::shared_ptr<Wait>> waits_;
  std::vector<Ready> ready_;             // to be called without the mutex
  std::vector<std::string> complaints_;  // the same
  size_t share_ = kWaitingBytesMax;
  size_t large_bytes_ = 0;  // of what waits and is over its share
  bool stop_ = false;
  Clock::time_point stop_at_{};
  uint64_t made_ = 0;  // ids
  std::thread watcher_;
};

}  // namespace winnow
