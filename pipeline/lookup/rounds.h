// The thread of one who answers from a store: all cases that wait are answered in one round, so
// that the store is asked once for many messages.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "engine/evidence.h"

namespace winnow {

class Rounds {
 public:
  using Ready = std::function<void()>;
  struct Waiting {
    Evidence* evidence;
    Ready ready;
  };
  // Answers the open questions of these cases, which belong to it until it returns; their `ready`
  // is called afterwards. Runs on the rounds' own thread.
  using Answer = std::function<void(std::span<const Waiting>)>;

  // cases_max: of one round. What `answer` uses must outlive this object.
  Rounds(size_t cases_max, Answer answer);
  ~Rounds();  // every case that waits is answered and ready
  Rounds(const Rounds&) = delete;
  Rounds& operator=(const Rounds&) = delete;

  // Hands a case over until its `ready` is called, on that thread. Thread-safe.
  void add(Evidence& evidence, Ready ready);

 private:
  void work();

  const size_t cases_max_;
  const Answer answer_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::vector<Waiting> waiting_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace winnow
