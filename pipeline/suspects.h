// Messages that an engine may have died of (marks.h) go a way of their own: alone, to a process
// that may be thrown away; in the engine they are scanned once they are known to do no harm.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "pipeline/admit.h"
#include "pipeline/marks.h"

namespace winnow {

// What became of a process that scanned a message.
enum class Fate : uint8_t {
  kLives,
  kDies,     // crashed, or came to no end
  kUnknown,  // there was no such process
};
// Called on one thread.
class Trial {
 public:
  virtual ~Trial() = default;
  virtual Fate scan(const Message& message) = 0;
  // Nobody is on trial any more: the process may go.
  virtual void idle() = 0;
};

struct SuspectsOptions {
  Marks* marks = nullptr;  // none: nobody is suspect
  uint32_t side = 0;       // of marks
  Trial* trial = nullptr;
};

class Suspects {
 public:
  // Takes a message back: to be scanned (kLives), with the verdict POISON (kDies), or to be told to
  // try again (kUnknown). Called on the trial's thread, and by take_out().
  using Back = std::function<void(Fate, Message&&, std::unique_ptr<Case>, Client&&)>;

  Suspects(const SuspectsOptions& options, Back back);
  ~Suspects();  // REQUIRED: nothing is on trial
  Suspects(const Suspects&) = delete;
  Suspects& operator=(const Suspects&) = delete;

  // Marks a share as being scanned by `worker`, without those that must not be: they are taken out.
  void begin(uint32_t worker, Share& share, std::vector<uint64_t>& scratch);
  void end(uint32_t worker);

 private:
  struct OnTrial {
    uint64_t digest;
    Message message;
    std::unique_ptr<Case> one;
    Client client;
  };
  void work();

  const SuspectsOptions options_;
  const Back back_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::deque<OnTrial> queue_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace winnow
