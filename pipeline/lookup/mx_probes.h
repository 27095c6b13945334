// Calls mail servers: whether they take a connection and greet (rules/checks/lists/mx_probe.h says
// what is asked and answered). One thread, sockets that do not block; the same question of several
// messages is one call; what came of it is remembered for as long as the question says, here and,
// where there is one, in the store, which outlives the process and may be shared.
//
// A case that waits is handed over as to Lookup::ask(): until `ready` is called its evidence
// belongs to this. At its deadline it gets back what there is; the call goes on, for those who ask
// next.
//
// What our own network or process does not let us find out (no route, no socket) is unknown.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "engine/evidence.h"
#include "pipeline/lookup/answer_cache.h"
#include "pipeline/lookup/store/store.h"
#include "rules/checks/lists/mx_probe.h"

namespace winnow {

struct MxProbesOptions {
  size_t calls_max = 128;  // at once; the others wait for their turn
  size_t cache_bytes_max = 1 << 20;
};

class MxProbes {
 public:
  using Clock = std::chrono::steady_clock;
  using Ready = std::function<void()>;

  // `kept` may be null. It is asked on this object's own thread, which waits for it.
  explicit MxProbes(std::shared_ptr<Store> kept = nullptr, const MxProbesOptions& options = {});
  ~MxProbes();  // what is open becomes unknown, and every case that waits is ready
  MxProbes(const MxProbes&) = delete;
  MxProbes& operator=(const MxProbes&) = delete;

  // Whether the evidence has an open question for this.
  static bool has_open(const Evidence& evidence);
  // Answers the open questions of kind kDialog; those of a type that nobody knows become unknown.
  // As Lookup::ask(): true: all are answered, `ready` is never called. Thread-safe.
  bool ask(Evidence& evidence, Clock::time_point deadline, Ready ready);

  uint64_t calls() const;  // so far

 private:
  struct Wait;
  struct Waiter {
    std::shared_ptr<Wait> wait;
    size_t question;
  };
  struct Call;
  using Calls = std::list<Call>;

  void work();
  void look_at(Call& call, short events, Clock::time_point now);
  void begin(Call& call);
  void connected(Call& call, Clock::time_point now);
  void heard(Call& call);
  void end(Call& call, std::string_view outcome, UnknownReason reason);
  bool recall(Call& call);
  void end_late(Clock::time_point now);
  void wake();

  const MxProbesOptions options_;
  const std::shared_ptr<Store> kept_;
  int wake_ = -1;

  mutable std::mutex mutex_;  // guards what follows
  AnswerCache cache_;
  std::unordered_map<std::string, Calls::iterator> by_key_;
  Calls calls_;                             // waiting for their turn, then open
  std::list<std::shared_ptr<Wait>> waits_;  // that have a deadline
  std::vector<Ready> ready_;                // to be called without the mutex
  uint64_t begun_ = 0;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace winnow
