// Signing keys and selectors in Redis, as Rspamd keeps them: one hash of keys by "selector.domain",
// one of selectors by domain; and keys in Vault (vault.h), some of each domain
// (rules/checks/auth/signing.h says how they are asked for).
//
// The keys stay here: an answer is a key's name, made of where it is and of a digest of its bytes,
// and its public half. Whoever makes the signature asks find() for the key of that name, for some
// minutes. So evidence and recordings hold no key.
//
// One thread asks, for all messages that wait at once; what it was told is believed for a minute,
// what it was not told for some seconds. Redis that is away costs each round its time-out: then a
// key is unknown, and nothing is signed with it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "engine/evidence.h"
#include "pipeline/load.h"
#include "pipeline/lookup/store/redis_client.h"
#include "pipeline/lookup/vault.h"
#include "rules/checks/auth/signing_keys.h"

namespace winnow {

class StoredKeys final : public SigningKeys {
 public:
  using Clock = std::chrono::steady_clock;
  using Ready = std::function<void()>;
  using Clients = std::map<std::string, std::shared_ptr<RedisClient>, std::less<>>;  // by module
  using Vaults = std::map<std::string, std::unique_ptr<Vault>, std::less<>>;         // the same
  static constexpr size_t kKeptMax = 4'096;  // answers, and keys
  static constexpr std::chrono::seconds kBelieved{60}, kMissing{5}, kKeyLives{600};

  StoredKeys(Clients clients, Vaults vaults);
  ~StoredKeys() override;  // every case that waits is ready
  StoredKeys(const StoredKeys&) = delete;
  StoredKeys& operator=(const StoredKeys&) = delete;

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
  struct Waiting {
    Evidence* evidence;
    Ready ready;
  };

  void work();
  void fetch(std::vector<std::pair<uint16_t, std::string>>& wanted);
  void fetch_from_vault(const std::string& module, const std::string& domain);
  Told key_told(std::string_view place, std::string_view bytes, Clock::time_point now);
  Told told_of(uint16_t type, std::string_view question, const RedisReply& reply);
  const Told* known(uint16_t type, std::string_view question, Clock::time_point now) const;
  bool answer_known(Evidence& evidence, Clock::time_point now) const;

  const Clients clients_;
  const Vaults vaults_;
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::unordered_map<std::string, Told> told_;  // by type and question
  std::unordered_map<std::string, Held> held_;  // by name
  std::vector<Waiting> waiting_;
  bool stop_ = false;
  std::thread thread_;
};

// Those that the configuration wants (use_redis and use_vault of dkim_signing and arc); null where
// it wants none. Errors: a module's servers that are not named, or wrongly.
Result<std::shared_ptr<StoredKeys>> open_stored_keys(const Loaded& loaded);

}  // namespace winnow
