// What a site learnt, wherever it is kept: in a folder (statistics.h) or in Redis in Rspamd's
// layout (redis_statistics.h). Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/classify/tokens.h"
#include "engine/result.h"
#include "pipeline/learn/record.h"

namespace winnow {

// What became of one record.
enum class Learnt : uint8_t {
  kNew,    // learnt
  kMoved,  // was learnt as another class: that is undone, and this learnt
  kSame,   // was learnt so already: nothing to do
  kForgotten,
  kUnknown,  // to be forgotten, but was never learnt
  kLater,    // written down here; counted once who keeps the counts is there again
  kHeldOut,  // a canary (canaries.h): nothing is learnt of it
  kRefused,  // who keeps the counts cannot take it: kept aside
};

class SiteStatistics {
 public:
  using Done = std::function<void(Result<TokenCounts>&&)>;
  virtual ~SiteStatistics() = default;

  // The counts of a message's tokens, of the classes that it names.
  virtual Result<TokenCounts> counts(const TokenList& tokens) const = 0;
  // Learnt messages of spam and ham; `scope` as in TokenList, of which only 0 has them everywhere.
  virtual Result<LearnCount> learns(Tokenizer tokenizer, uint64_t scope) const = 0;
  // The same of other classes, of those statistics that all share: an answer without tokens.
  virtual Result<TokenCounts> learns_of(Tokenizer tokenizer,
                                        std::span<const std::string> classes) const = 0;
  // Learns or forgets, in order; what was learnt so already is not learnt again. When it returns,
  // no death of this process loses any of it, and nothing counts twice.
  virtual Result<std::vector<Learnt>> learn(std::span<const LearnRecord> records) = 0;
  // What learn() would say, without doing it.
  virtual Result<std::vector<Learnt>> try_learn(std::span<const LearnRecord> records) const = 0;
  virtual uint64_t used_bytes() const = 0;  // 0: not known

  // True where counts() may have to wait for somebody: who may not wait asks by ask_counts().
  virtual bool waits() const { return false; }
  // The counts, where they are at hand.
  virtual std::optional<TokenCounts> counts_at_hand(const TokenList& tokens) const {
    Result<TokenCounts> found = counts(tokens);
    if (!found) return std::nullopt;
    return std::move(*found);
  }
  // As counts(); `done` is called once, from another thread or before this returns.
  virtual void ask_counts(TokenList&& tokens, Done done) const { done(counts(tokens)); }

  // Carries on with what is left to be done; to be called now and then.
  virtual void tend() {}
  // Takes up again what was refused; returns how many records that were.
  virtual Result<uint64_t> retry() { return 0; }
  // What somebody should be told of what happened since this was last asked, or empty.
  virtual std::string take_problem() { return {}; }
};

}  // namespace winnow
