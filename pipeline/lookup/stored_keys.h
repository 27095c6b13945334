// Signing keys and selectors in Redis, as Rspamd keeps them: one hash of keys by "selector.domain",
// one of selectors by domain; and keys in Vault (vault.h), some of each domain
// (rules/checks/auth/signing.h says how they are asked for).
//
// The keys stay here: an answer is a key's name, made of where it is and of a digest of its bytes,
// and its public half. Whoever makes the signature asks find() for the key of that name, for some
// minutes. So evidence and recordings hold no key.
//
// They are asked for in rounds; what was told is believed for a minute, what was not told for some
// seconds. Redis that is away costs each round its time-out: then a key is unknown, and nothing is
// signed with it.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/evidence.h"
#include "pipeline/load.h"
#include "pipeline/lookup/rounds.h"
#include "pipeline/lookup/store/redis_client.h"
#include "pipeline/lookup/vault.h"
#include "rules/checks/auth/signing_keys.h"

namespace winnow {

class StoredKeys final : public SigningKeys {
 public:
  using Clock = std::chrono::steady_clock;
  using Ready = Rounds::Ready;
  using Clients = std::map<std::string, std::shared_ptr<RedisClient>, std::less<>>;  // by module
  using Vaults = std::map<std::string, std::unique_ptr<Vault>, std::less<>>;         // the same
  static constexpr size_t kKeptMax = 4'096;   // answers, and keys
  static constexpr size_t kRoundMax = 4'096;  // cases
  static constexpr std::chrono::seconds kBelieved{60}, kMissing{5}, kKeyLives{600};

  // When it ends, every case that waits is ready.
  StoredKeys(Clients clients, Vaults vaults);

  // Answers the open questions for keys and selectors. As Lookup::ask(): true: all are answered,
  // `ready` is never called. The deadline is not looked at: servers have their own. Thread-safe.
  bool ask(Evidence& evidence, Ready ready);
  std::optional<PrivateKey> find(std::string_view name) const override;

 private:
  struct Told {
    AnswerState state = AnswerState::kUnknown;
    std::vector<std::string> values = {};
    Clock::time_point until = {};
  };
  struct Held {
    PrivateKey key;
    Clock::time_point until;
  };

  void answer(std::span<const Rounds::Waiting> round);
  void fetch(std::vector<std::pair<uint16_t, std::string>>& wanted);
  void fetch_from_vault(const std::string& module, const std::string& domain);
  Told key_told(std::string_view place, std::string_view bytes, Clock::time_point now);
  Told told_of(uint16_t type, std::string_view question, const RedisReply& reply);
  const Told* known(uint16_t type, std::string_view question, Clock::time_point now) const;
  bool answer_known(Evidence& evidence, Clock::time_point now) const;

  const Clients clients_;
  const Vaults vaults_;
  mutable std::mutex mutex_;                    // guards what follows
  std::unordered_map<std::string, Told> told_;  // by type and question
  std::unordered_map<std::string, Held> held_;  // by name

  Rounds rounds_;
};

// Those that the configuration wants (use_redis and use_vault of dkim_signing and arc); null where
// it wants none. Errors: a module's servers that are not named, or wrongly.
Result<std::shared_ptr<StoredKeys>> open_stored_keys(const Loaded& loaded);

}  // namespace winnow
