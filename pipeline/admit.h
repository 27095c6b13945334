// Admission: which messages may be here at all, and who is scanned next. The flow of a corpus run
// (flow.h) and the service of live traffic (service.h) both stand on it; connections that still
// read their message count with it too.
//
// Budget. Whatever holds mail reserves its bytes, and kCaseBytes for each message, out of
// byte_budget, from the first byte read until its answer is out.
//   - a corpus run waits for room (reserve), or is told that there is none (try_reserve); where
//     nothing is reserved, one message is always let in, however large. It also waits once
//     ahead_max lies in the lanes of small and large messages, until half of it is taken: what is
//     read shortly before it is scanned is still in the cache, in memory that was used before
//     (fresh pages were a fifth of a run's CPU where faults are dear);
//   - a connection asks before it reads (may_read). Where the budget is spent, or messages_max are
//     being scanned, it does not read: its bytes stay in the kernel. One connection at a time has
//     the overdraft and reads on though the budget is spent, so that messages which came half way,
//     and hold all of it, cannot wait for each other for ever. So memory is byte_budget + one
//     message + one read, whatever comes.
//
// Lanes. What was admitted waits by size: small, large, alone; so that 40 MB delay nobody. Workers
// pull: an idle one takes one message at once, under load each takes its share of what waits, up to
// rows_max and bytes_max. Batches grow with the queue and nobody waits for a batch to fill. Lanes
// take turns. Where there are two workers or more, one never takes from the lane "alone". Cases
// that waited for answers go first: they hold memory, and their clients have waited longest.
//
// Here. Who submits may offer to scan a small message on its own thread (put's `here`). Where
// nothing waits and every worker idles that saves waking one and being woken by it: some 50 us of
// the CPU, a seventh of what a lone message costs. Under load nobody idles, and all goes to the
// workers. One worker alone stands for one core: there what comes before it is scanned here joins
// it, up to kHereRows, as no other core would take it meanwhile, and a batch costs less than its
// messages one by one.
//
// Rejected: a lane's batch is filled by who submits (the flow did so once): its last messages wait
// for others that may never come, and the submitter must know who is idle. Refusing a message once
// it is read (the service did so once): what connections read was counted nowhere.
#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "pipeline/case.h"
#include "pipeline/message.h"

namespace winnow {

struct Scanned;    // pipeline/service.h
struct LiveRules;  // pipeline/service.h

constexpr uint32_t kSmallBytes = 64 * 1024;
constexpr uint32_t kLargeBytes = 2 * 1024 * 1024;
constexpr uint64_t kCaseBytes = 16 * 1024;  // counted for the evidence of one message
constexpr uint32_t kHereRows = 16;          // some 5 ms, in which no socket is read

struct AdmitOptions {
  unsigned workers = 1;                // that take()
  uint32_t rows_max = 64;              // of one batch
  uint32_t bytes_max = 1 << 20;        // of one batch's messages
  uint64_t byte_budget = 48ull << 20;  // of all that is here
  uint64_t messages_max = 0;           // that wait or are scanned; 0 = what the budget holds
  uint64_t ahead_max = 0;  // bytes that wait, small and large; 0 = what the budget holds
};

// Who waits for a message's verdict (live traffic), and since when.
struct Client {
  std::function<void(const Scanned&)> done;
  std::chrono::steady_clock::time_point since;
  std::shared_ptr<const LiveRules> live = {};  // that sealed its evidence, once it is sealed
};

// What a worker takes at once: one row a message.
struct Share {
  std::vector<Message> messages;
  std::vector<std::unique_ptr<Case>> cases;  // with what the message holds of the budget
  std::vector<Client> clients;
  // These cases waited for answers, which are there: they are judged on. Their messages are in
  // them, `messages` is empty.
  bool answered = false;
  void clear();
};

// Thread-safe.
class Admission {
 public:
  explicit Admission(const AdmitOptions& options) : options_(options) {}
  // `hook` is called, by any thread, when something is given back after may_read() said no.
  // REQUIRED: before others use this.
  void on_room(std::function<void()> hook) { hook_ = std::move(hook); }

  // False where there is no room; the first is always let in.
  bool try_reserve(uint64_t bytes, Hold& hold);
  // Waits for room.
  void reserve(uint64_t bytes, Hold& hold);
  // May this connection read? Gives it the overdraft where the budget is spent and nobody has it.
  bool may_read(Hold& hold);
  // It now holds so much. `message`: a whole one, that waits or is scanned.
  void set(Hold& hold, uint64_t bytes, bool message);
  void release(Hold& hold);

  // Into its lane. REQUIRED: the case holds what was reserved for the message.
  // True: nothing else is here, nobody was woken, and the caller must call take_here() soon. Only
  // where it offered to (`here`). False: somebody takes it, perhaps a take_here() promised before.
  bool put(Message&& message, std::unique_ptr<Case> one, Client&& client, bool here = false);
  // A case that waited for answers goes on, before anything new. It holds what it held.
  void put_back(std::unique_ptr<Case> one, Client&& client);
  // Enough is read ahead: reserve() waits.
  bool far_ahead() const;
  // Fills `share` with what a worker scans next; waits for it where `wait`. False where there is
  // nothing, and with `wait`: there never will be.
  bool take(bool wait, bool takes_alone, Share& share);
  // Keeps the promise of put(): at most kHereRows small messages, and false where a worker has them
  // already.
  bool take_here(Share& share);
  // Somebody else must take what was promised to be taken here.
  void take_over();
  // take() no longer waits.
  void stop();
  // Waits until no message is here any more.
  void wait_empty();

  uint64_t waiting() const;     // messages in lanes
  uint64_t held_bytes() const;  // of the budget
  // How long the message that waits longest has waited; 0 where none waits.
  std::chrono::milliseconds oldest() const;

 private:
  enum Lane { kSmall, kLarge, kAlone, kLanes };
  struct Waiting {
    Message message;
    std::unique_ptr<Case> one;
    Client client;
  };
  bool room(uint64_t bytes) const;
  void tell_room();
  int next_lane(bool takes_alone) const;
  void take_rows(Lane lane, size_t rows, Share& share);
  void note_taken(uint64_t bytes);
  uint32_t here_rows() const;

  const AdmitOptions options_;
  std::function<void()> hook_;
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable ready_, room_, taken_;
  std::array<std::deque<Waiting>, kLanes> lanes_;
  std::deque<Waiting> answered_;
  int turn_ = kSmall;
  unsigned idle_ = 0;      // workers that wait
  bool promised_ = false;  // take_here() will come
  uint64_t held_ = 0;
  uint64_t messages_ = 0;
  uint64_t ahead_ = 0;      // bytes in the lanes, without those alone
  bool far_ahead_ = false;  // since ahead_max was reached, until half of it is taken
  bool overdrawn_ = false;  // somebody has the overdraft
  bool refused_ = false;    // may_read() said no since the hook was called
  bool stop_ = false;
};

}  // namespace winnow
