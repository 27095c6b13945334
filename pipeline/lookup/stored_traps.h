// Spam traps in Redis, as Rspamd keeps them: a key for each address or "@" and domain
// (rules/checks/policy/trap_question.h says how they are asked for).
//
// They are asked for in rounds, at most kRoundNamesMax names at once; nothing is remembered. Redis
// that is away costs each round its time-out: then it is unknown whether somebody is a trap, which
// is told once a minute at most.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "engine/evidence.h"
#include "pipeline/load.h"
#include "pipeline/lookup/rounds.h"
#include "pipeline/lookup/store/redis_client.h"
#include "pipeline/once_a_minute.h"

namespace winnow {

class StoredTraps {
 public:
  using Ready = Rounds::Ready;
  using Tell = std::function<void(const std::string&)>;
  static constexpr size_t kRoundNamesMax = 10'000;

  // `tell`: something to warn of; called from the thread that asks.
  // When it ends, every case that waits is ready.
  StoredTraps(std::unique_ptr<RedisClient> client, Tell tell);

  // Answers the open question for traps, which a message has one of. As Lookup::ask(): true: there
  // is none, `ready` is never called. The deadline is not looked at: servers have their own.
  // Thread-safe.
  bool ask(Evidence& evidence, Ready ready);

 private:
  struct Asked {
    Evidence* evidence;
    size_t question;
  };

  void answer(std::span<const Rounds::Waiting> round);
  void answer_at_once(std::span<const Asked> asked);

  const std::unique_ptr<RedisClient> client_;
  const Tell tell_;
  OnceAMinute complaint_;  // the rounds' own
  Rounds rounds_;
};

// Those of the site; null where the check spamtrap is off or has a map. Errors: servers that are
// named wrongly.
Result<std::shared_ptr<StoredTraps>> open_stored_traps(const Loaded& loaded,
                                                       StoredTraps::Tell tell);

}  // namespace winnow
