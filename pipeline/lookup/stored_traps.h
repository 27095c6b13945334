// Spam traps in Redis, as Rspamd keeps them: a key for each address or "@" and domain
// (rules/checks/policy/trap_question.h says how they are asked for).
//
// One thread asks, for all messages that wait at once, at most kRoundNamesMax names a round;
// nothing is remembered. Redis that is away costs each round its time-out: then it is unknown
// whether somebody is a trap, which is told once a minute at most.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/evidence.h"
#include "pipeline/load.h"
#include "pipeline/lookup/store/redis_client.h"

namespace winnow {

class StoredTraps {
 public:
  using Ready = std::function<void()>;
  using Tell = std::function<void(const std::string&)>;
  static constexpr size_t kRoundNamesMax = 10'000;

  // `tell`: something to warn of; called from the thread that asks.
  StoredTraps(std::unique_ptr<RedisClient> client, Tell tell);
  ~StoredTraps();  // every case that waits is ready
  StoredTraps(const StoredTraps&) = delete;
  StoredTraps& operator=(const StoredTraps&) = delete;

  // Answers the open question for traps, which a message has one of. As Lookup::ask(): true: there
  // is none, `ready` is never called. The deadline is not looked at: servers have their own.
  // Thread-safe.
  bool ask(Evidence& evidence, Ready ready);

 private:
  struct Waiting {
    Evidence* evidence;
    size_t question;
    Ready ready;
  };

  void work();
  void answer(std::vector<Waiting>& round);
  void complain(const Error& error);

  const std::unique_ptr<RedisClient> client_;
  const Tell tell_;
  std::chrono::steady_clock::time_point told_{};  // the thread's own

  std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::deque<Waiting> waiting_;
  bool stop_ = false;
  std::thread thread_;
};

// Those of the site; null where the check spamtrap is off or has a map. Errors: servers that are
// named wrongly.
Result<std::shared_ptr<StoredTraps>> open_stored_traps(const Loaded& loaded,
                                                       StoredTraps::Tell tell);

}  // namespace winnow
