// Live traffic: each message has somebody who waits for its verdict.
//
//   submit() → lane → a worker takes its share → compute → conclude → done, unordered
//
// Admission (admit.h) is shared with the connections that read messages: a message that was read
// holds its part of the budget already and is never refused; submit() moves that to the message,
// whose `done` has returned when it is given back. What waited longer than queue_wait_max_ms is not
// scanned: its client has given up. While something waits that long, the service is not ready().
//
// Deadline. A message that is task_timeout_ms old before all its questions have answers is judged
// with what is known (Evidence::cut_by_deadline). One that comes to its worker later than that is
// looked at all the same, and asks nothing.
//
// Waiting. Where answers have to be fetched a case waits with its message and its part of the
// budget, and holds no worker: the answerer calls when it can go on, and it goes before what is new
// (Admission::put_back). It is judged to its end by the rules that sealed it.
//
// Here. The thread that reads the sockets offers to scan what is small while nothing else is to do
// (submit_here, scan_here): a lone message then wakes no other thread. It does so with the first
// worker's scratch and marks, while that worker idles. What comes meanwhile joins it where there is
// one worker alone.
//
// Rules. The running rule set is one counted reference. A worker looks at it before each batch;
// `done` gets the rule set that judged its message, and that set lives until then.
//
// Poison. What a worker scans is marked in memory that outlives the engine; what an engine may have
// died of is scanned alone first, and what that dies of too is answered with fault POISON and the
// action of winnow.poison_action (suspects.h).
//
// Beside the flow and not part of it: the flow keeps the input's order and makes its one submitter
// wait; here nobody may wait and there is no order. They share Admission, Run, Worker, CasePool.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/score/render.h"
#include "pipeline/admit.h"
#include "pipeline/histogram.h"
#include "pipeline/load.h"
#include "pipeline/run.h"
#include "pipeline/suspects.h"

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
  uint64_t messages_max = 0;           // being read or scanned at once; 0 = what the budget holds
  int64_t queue_wait_max_ms = 60'000;  // Postfix waits 300 s for the end of a message
  int64_t task_timeout_ms = 8'000;
  SuspectsOptions suspects = {};
  std::string abort_on = {};  // tests only: a message that holds this text ends the process
};

struct Scanned {
  const LiveRules& live;
  Case& one;              // with the message's bytes; recycled when `done` returns
  bool too_late = false;  // waited too long: not scanned, there is no verdict
  int64_t scan_us = 0;    // from submit() to the verdict
};

// What messages cost, for /metrics. Stages: time a message, of a batch its mean.
struct ServiceTimings {
  Histogram queue;
  std::array<Histogram, static_cast<size_t>(Stage::kCount)> stages;
};

class Service {
 public:
  // Called once for each admitted message, on a worker's thread or in scan_here(). Must not throw
  // or block.
  using Done = std::function<void(const Scanned&)>;

  Service(std::shared_ptr<LiveRules> live, const ServiceOptions& options);
  ~Service();  // finishes
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  // Connections that read messages count with it.
  Admission& admission() { return admission_; }
  // Takes a message and what its connection holds for it. False where the service is finishing:
  // nothing is taken then, and `done` is never called. Thread-safe.
  bool submit(Message& message, Hold& hold, Done done);
  // As submit(). kHere: the caller must call scan_here() soon, from its own thread.
  enum class Taken : uint8_t { kRefused, kByWorkers, kHere };
  Taken submit_here(Message& message, Hold& hold, Done done);
  // Scans what submit_here() left here. One thread at a time.
  void scan_here();
  // As above for who holds nothing; false also where there is no room.
  bool submit(Message& message, Done done);
  // Asks what a message's envelope alone needs asked, while its content is still on its way: the
  // answers are then in the lookup's cache, or in flight. Does nothing where nobody is asked, and
  // where others wait: a busy service has no time for guesses. Thread-safe.
  void ask_ahead(Message&& envelope);
  // Nothing waits too long, nothing was told to try again for that a moment ago, and it is not
  // finishing. Thread-safe.
  bool ready() const;
  // A client was told to try again, for it waited too long. Thread-safe.
  void note_late();
  // The next batches run under these rules. Thread-safe.
  void use(std::shared_ptr<LiveRules> live);
  std::shared_ptr<LiveRules> live() const;
  // `handed` is called on the same thread after the `done`s of some messages, a few in a batch and
  // at its end: what is cheaper for many than for each. Before the first submit().
  void on_share(std::function<void()> handed) { handed_ = std::move(handed); }
  // Refuses new messages, waits for all that were admitted. Thread-safe.
  void finish();

  uint64_t waiting() const { return admission_.waiting(); }
  const ServiceTimings& timings() const { return timings_; }
  uint64_t batches() const { return batches_.load(std::memory_order_relaxed); }

 private:
  using Clock = std::chrono::steady_clock;

  // What one worker scans with. Its thread has it while it works; scan_here() while that idles.
  struct Hand {
    std::mutex mutex;
    std::shared_ptr<LiveRules> live;
    std::unique_ptr<Worker> worker;
    std::vector<uint64_t> digests;
  };
  Taken take(Message& message, Hold& hold, Done done, bool here);
  void work(unsigned number, bool takes_alone);
  // REQUIRED: the hand's mutex is held.
  void do_share(unsigned number, Hand& hand, Share& share);
  void come_back(Fate fate, Message&& message, std::unique_ptr<Case> one, Client&& client);
  void scan(const std::shared_ptr<const LiveRules>& live, Worker& worker, Share& share);
  void judge_on(Worker& worker, std::unique_ptr<Case> one, Client&& client);
  void go_on(const std::shared_ptr<const LiveRules>& live, Worker& worker, Share& share);
  void observe_stages(const StageTimes& before, const StageTimes& now, size_t messages);
  void give_up_late(const LiveRules& live, Share& share);
  void deliver(const LiveRules& live, std::unique_ptr<Case> one, const Client& client,
               bool too_late);

  const ServiceOptions options_;
  std::function<void()> handed_ = [] {};
  CasePool cases_;

  Admission admission_;

  mutable std::mutex mutex_;  // guards what follows
  bool finishing_ = false;
  std::shared_ptr<LiveRules> live_;

  std::atomic<uint64_t> batches_{0};
  std::atomic<Clock::rep> late_until_{Clock::time_point::min().time_since_epoch().count()};
  Suspects suspects_;
  ServiceTimings timings_;
  std::deque<Hand> hands_;
  Share here_;  // of scan_here()
  std::vector<std::thread> threads_;
};

}  // namespace winnow
