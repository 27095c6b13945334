// Learning beside live traffic: records come from any thread, one thread learns them, all that wait
// in one step (group commit), and tells each what became of it.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "pipeline/learn/site_statistics.h"

namespace winnow {

class LearnQueue {
 public:
  static constexpr size_t kWaitingMax = 1'000;
  static constexpr std::chrono::seconds kTend{5};  // between looks at what is left to do
  // Called once, on the queue's thread. Must not block.
  using Done = std::function<void(const Result<Learnt>&)>;

  // Told what should stand in a log, on the queue's thread.
  using Tell = std::function<void(const std::string&)>;

  // Called after each step with how many messages it learnt; what it says is told.
  using Watch = std::function<std::string(uint64_t)>;

  explicit LearnQueue(std::shared_ptr<SiteStatistics> statistics, Tell tell = {}, Watch watch = {});
  ~LearnQueue();  // learns what waits
  LearnQueue(const LearnQueue&) = delete;
  LearnQueue& operator=(const LearnQueue&) = delete;

  enum class Which : uint8_t {
    kAll,
    kMoves,  // only what was learnt as another class; of the rest nothing is learnt, and it is said
             // what would have become of it (not kMoved)
  };
  // False where too many wait: nothing is taken. Thread-safe.
  bool learn(LearnRecord&& record, Done done, Which which = Which::kAll);
  const SiteStatistics& statistics() const { return *statistics_; }
  // Messages learnt, moved or forgotten since the start.
  uint64_t learnt() const { return learnt_.load(std::memory_order_relaxed); }

 private:
  struct Job {
    LearnRecord record;
    Done done;
    Which which;
  };
  void answer_others(std::vector<Job>& jobs) const;
  void work();
  void tell(const std::string& problem) const;

  const std::shared_ptr<SiteStatistics> statistics_;
  const Tell tell_;
  const Watch watch_;
  std::atomic<uint64_t> learnt_{0};
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Job> waiting_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace winnow
