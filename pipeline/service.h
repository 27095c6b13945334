// Live traffic: each message has somebody who waits for its verdict.
//
//   submit() → lane (waiting) → a worker takes what waits → compute → conclude → done, unordered
//
// Workers pull. An idle worker takes one message at once; under load each takes its share of what
// waits, up to rows_max and bytes_max: batches grow with the queue and nobody waits for a batch to
// fill. Lanes are those of the flow (pipeline/flow.h): small, large, alone. Where there are two
// workers or more, one never takes from the lane "alone", so that 40 MB delay nobody.
//
// Budget. A message holds its bytes and kCaseBytes of byte_budget until its `done` has returned;
// submit() refuses while the budget is spent (the client is told to try again), but always admits
// one. What waited longer than queue_wait_max_ms is not scanned: its client has given up.
//
// Rules. The running rule set is one counted reference. A worker looks at it before each batch;
// `done` gets the rule set that judged its message, and that set lives until then.
//
// Beside the flow and not part of it: the flow keeps the input's order and makes its one submitter
// wait; here nobody may wait and there is no order. They share Run, Worker, CasePool and the lanes.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/score/render.h"
#include "pipeline/flow.h"
#include "pipeline/load.h"
#include "pipeline/run.h"

namespace winnow {

// A rule set in use, and what is made once for it.
struct LiveRules {
  // `host_name`: for headers that name this machine.
  LiveRules(std::shared_ptr<const RuleSet> set, std::unique_ptr<Answerer> who,
            std::string host_name = {});
  std::shared_ptr<const RuleSet> rules;
  std::unique_ptr<Answerer> answerer;
  Run run;
  RenderPlan render;
};

struct ServiceOptions {
  unsigned threads = 1;
  uint32_t rows_max = 64;
  uint32_t bytes_max = 1 << 20;
  uint64_t byte_budget = 48ull << 20;
  int64_t queue_wait_max_ms = 60'000;  // Postfix waits 300 s for the end of a message
};

struct Scanned {
  const LiveRules& live;
  Case& one;              // with the message's bytes; recycled when `done` returns
  bool too_late = false;  // waited too long: not scanned, there is no verdict
  int64_t scan_us = 0;    // from submit() to the verdict
};

class Service {
 public:
  // Called once for each admitted message, on a worker's thread. Must not throw or block.
  using Done = std::function<void(const Scanned&)>;

  Service(std::shared_ptr<LiveRules> live, const ServiceOptions& options);
  ~Service();  // finishes
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  // False where the budget is spent or the service is finishing: `message` is then untouched and
  // `done` is never called. Thread-safe.
  bool submit(Message& message, Done done);
  // The next batches run under these rules. Thread-safe.
  void use(std::shared_ptr<LiveRules> live);
  std::shared_ptr<LiveRules> live() const;
  // Refuses new messages, waits for all that were admitted. Thread-safe.
  void finish();

  uint64_t waiting() const;
  uint64_t batches() const { return batches_.load(std::memory_order_relaxed); }

 private:
  using Clock = std::chrono::steady_clock;
  enum Lane { kSmall, kLarge, kAlone, kLanes };
  struct Waiting {
    Message message;
    Done done;
    Clock::time_point since;
  };
  struct Taken {
    std::vector<Message> messages;
    std::vector<std::unique_ptr<Case>> cases;
    std::vector<Done> dones;
    std::vector<Clock::time_point> since;
    Lane lane = kSmall;
  };

  void work(bool takes_alone);
  bool take(bool takes_alone, Taken& taken);
  void scan(const LiveRules& live, Worker& worker, Taken& taken);
  void give_up_late(const LiveRules& live, Taken& taken);
  void deliver(const LiveRules& live, std::unique_ptr<Case> one, const Done& done,
               Clock::time_point since, bool too_late);

  const ServiceOptions options_;
  CasePool cases_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable ready_, idle_;
  std::array<std::deque<Waiting>, kLanes> lanes_;
  Lane next_lane_ = kSmall;
  uint64_t budget_used_ = 0;
  bool finishing_ = false;
  bool stop_ = false;
  std::shared_ptr<LiveRules> live_;

  std::atomic<uint64_t> batches_{0};
  std::vector<std::thread> threads_;
};

}  // namespace winnow
