// Statistics in Redis or Valkey, in Rspamd's layout byte for byte, so that a site switches to
// Winnow and back with its data (facts: Rspamd 3.4 and 4.1):
//
//   KEY                 hash  version = 2, learns_spam, learns_ham     KEY: "RS", "RS<user>" …
//   KEY_<token>         hash  S, H: counts; the token as a decimal number
//   <SYMBOL>_keys       set   of all KEYs
//   learned_ids         hash  learn id -> class. 3.4: all 103 letters, 1 or -1; 4.1: the first 32,
//                             1 or 0. Both are written and both are read; of 4.1's further keys
//                             (learned_idsX …) too, and full ones are moved on as it does.
//
// Of other classes the field is the class' label, learns_<label in lower case> has its messages,
// and learned_ids its name.
// A learn id is the base32 (engine/crypt/base32.h) of BLAKE2b-512 over the user's name and every
// token, 8 bytes each, in order. Tokens of the tokenizer `winnow` have KEYs that begin with WN
// instead.
//
// Learning: each record is first written into a journal (redis_journal.h), then delivered: one
// script in Redis sees whether this very record came before (a key MARK that expires after a week),
// whether the message is known, and counts. So what Redis cannot take now, or what nobody knows
// whether it took, is delivered again, and counts once. In a Cluster the keys are in many slots:
// one script decides and remembers what it decided, then one a slot counts, each with a mark of its
// own.
//
//   {KEY}:winnow:<name>:<offset>   MARK, in the slot of KEY
//
// Counting: counts that were asked for are kept for cache_ms, or until this process learns; so what
// others learn is seen after that time at the latest. One thread asks Redis for all that wait, in
// one pipeline.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "pipeline/learn/count_cache.h"
#include "pipeline/learn/redis_expiry.h"
#include "pipeline/learn/redis_journal.h"
#include "pipeline/learn/redis_layout.h"
#include "pipeline/learn/site_statistics.h"
#include "pipeline/lookup/store/redis_client.h"
#include "rules/checks/learned/bayes.h"

namespace winnow {

struct RedisStatisticsOptions {
  RedisLayout layout;  // of keys
  RedisExpiryOptions expiry = {};
  std::string folder;  // of the log; empty: nothing can be learnt
  uint32_t cache_ms = 60'000;
  size_t pending_bytes_max = 64 << 20;  // of tokens that are delivered in one go
  uint64_t kept_bytes = 1 << 20;        // of log that may stay once all is delivered
};

class RedisStatistics final : public SiteStatistics {
 public:
  // Errors: a log that cannot be opened. Redis itself is not asked yet: it may be away.
  static Result<std::unique_ptr<RedisStatistics>> open(std::unique_ptr<RedisClient> client,
                                                       const RedisStatisticsOptions& options);
  ~RedisStatistics() override;  // who waits for counts is told that they are unknown

  Result<TokenCounts> counts(const TokenList& tokens) const override;
  Result<LearnCount> learns(Tokenizer tokenizer, uint64_t scope) const override;
  Result<TokenCounts> learns_of(Tokenizer tokenizer,
                                std::span<const std::string> classes) const override;
  Result<std::vector<Learnt>> learn(std::span<const LearnRecord> records) override;
  Result<std::vector<Learnt>> try_learn(std::span<const LearnRecord> records) const override;
  uint64_t used_bytes() const override { return 0; }
  bool waits() const override { return true; }
  std::optional<TokenCounts> counts_at_hand(const TokenList& tokens) const override;
  void ask_counts(TokenList&& tokens, Done done) const override;
  void tend() override;  // delivers what is not delivered yet
  std::string take_problem() override;
  Result<uint64_t> retry() override;  // what is refused again is kept again

  // Records that wait for Redis.
  uint64_t undelivered() const { return undelivered_.load(std::memory_order_relaxed); }

 private:
  struct Asked {
    TokenList tokens;
    Done done;
  };
  struct Fetch;
  RedisStatistics(std::unique_ptr<RedisClient> client, RedisStatisticsOptions options);
  uint64_t state() const;
  // Fills what is at hand; the indices of the others.
  std::vector<uint32_t> fill(const TokenList& tokens, const std::string& key, uint64_t now,
                             TokenCounts& out, bool& learns_known) const;
  std::vector<Result<TokenCounts>> fetch(std::span<const TokenList* const> lists) const;
  void work() const;

  using Records = RedisJournal::Records;
  using Step = std::span<Records::value_type const* const>;
  struct Decided {
    std::string from = "-", to = "-";
    uint32_t passed = 0;       // tokens
    std::string refused = {};  // why, where it is

    void read(std::string_view said);
    Learnt outcome() const;
  };
  Result<uint64_t> deliver_waiting(uint64_t& left);
  void deliver(const RedisJournal::Pending& what, std::vector<Learnt>* outcomes, uint64_t& done);
  std::vector<Learnt> deliver_step(Step step, std::optional<Error>& later);
  Result<Learnt> take_over(const LearnRecord& record, bool cluster);
  Result<void> carry_out(Step step, bool cluster, std::vector<Decided>& out);
  std::string set_of(std::string_view label) const;
  Result<std::vector<RedisReply>> decide(Step step, bool cluster);
  Result<void> find_refusals(Step step, std::span<Decided> out);
  Result<void> count_slots(Step step, std::span<const size_t> which, std::span<Decided> said);
  void note(std::string text);
  void expire();
  Result<std::vector<std::optional<LearnLabel>>> known(std::span<const LearnRecord> records) const;
  std::string mark(std::string_view key, uint64_t offset) const;

  const std::unique_ptr<RedisClient> client_;
  const RedisStatisticsOptions options_;
  std::unique_ptr<RedisJournal> journal_;
  std::atomic<uint64_t> undelivered_{0};

  mutable CountCache cache_{CountCache::kSomeSlots};
  mutable std::mutex mutex_;  // guards what follows
  mutable uint64_t state_ = 1;
  mutable RedisDeadline state_until_{};
  // By KEY and classes (none: spam and ham); with the state.
  mutable std::map<std::pair<std::string, std::vector<std::string>>,
                   std::pair<uint64_t, std::vector<uint64_t>>>
      learns_;
  std::string problem_;
  RedisDeadline expiry_due_{};  // when keys are looked at next; of who calls tend()

  mutable std::mutex asked_mutex_;  // guards what follows
  mutable std::condition_variable asked_wake_;
  mutable std::vector<Asked> asked_;
  mutable std::thread thread_;
  mutable bool stop_ = false;
};

}  // namespace winnow
