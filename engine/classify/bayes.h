// The two ways from token counts to a probability of spam.
//
// osb: Rspamd's (facts/bayes.md, "Classify"): each token's smoothed probability, their logarithms
// added, Fisher's inverse chi-square of both sums. It saturates: far from the middle all is 0 or 1.
//
// winnow: the sum of its strongest tokens' log odds, of each kind a few, so that a long text does
// not drown a header, those with the same counts being worth less together than apart; divided by
// the root of what all are worth, as they depend on one another; put
// through a logistic curve. It orders any two messages, however clear both are (`odds` does not
// saturate).
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "engine/classify/tokens.h"

namespace winnow {

struct BayesOptions {
  double min_prob_strength = 0.05;  // tokens nearer to the middle are left out
  uint32_t min_token_hits = 2;      // counts that a token needs
  uint32_t min_tokens = 11;         // in a message, else there is no opinion
  uint32_t max_tokens = 0;          // 0: no limit
  uint32_t min_learns = 200;        // of each class
};

struct Opinion {
  bool known = false;        // false: too few tokens, or too little learnt
  double probability = 0.5;  // of spam
  double odds = 0;           // natural logarithm; winnow: not limited
  uint32_t tokens = 0;       // that counted
};

// What is kept from one message to the next, of one thread.
class OpinionScratch {
 public:
  // osb: most tokens were seen a few times only, and what a pair of small counts proves is worked
  // out once for all messages that are judged by the same learnt mail.
  static constexpr uint32_t kSmall = 16;  // counts below it are kept
  static constexpr uint32_t kKinds = 8;
  static constexpr double kNotThere = 1e300;
  using Pair = std::array<double, 2>;  // kNotThere first: not worked out yet
  // The place of what these counts prove; null where they, or the kind, are too large.
  Pair* known(TokenCount count, TokenKind kind) {
    if (count.spam >= kSmall || count.ham >= kSmall || kind >= kKinds) return nullptr;
    return &known_[(kind * kSmall + count.spam) * kSmall + count.ham];
  }
  // Forgets what belongs to other learnt mail, or to another rule.
  void begin(LearnCount learns, double strength_min);

  // winnow: tokens that may count (mixture.cc). Room: as long as the longest message.
  using Candidate = uint64_t;
  std::vector<Candidate> candidates, sorted;

 private:
  std::vector<Pair> known_;
  LearnCount learns_;
  double strength_min_ = -1;
};

// REQUIRED: counts.counts.size() == tokens.hashes.size().
Opinion osb_opinion(const BayesOptions& options, const TokenList& tokens, const TokenCounts& counts,
                    OpinionScratch& scratch);
Opinion winnow_opinion(const BayesOptions& options, const TokenList& tokens,
                       const TokenCounts& counts, OpinionScratch& scratch);

// Of two classes or of more.
struct ClassOpinion {
  bool known = false;      // false: too few tokens, or too little learnt
  uint32_t best = 0;       // number of the class in TokenList::classes; spam is 0, ham 1
  double probability = 0;  // of that class. Of more than two, osb: how sure, as Rspamd says it
  uint32_t tokens = 0;     // that counted
};
// REQUIRED: counts are an answer to `tokens`.
ClassOpinion class_opinion(const BayesOptions& options, const TokenList& tokens,
                           const TokenCounts& counts, OpinionScratch& scratch);

// By the tokenizer that made the tokens.
inline Opinion opinion_of(const BayesOptions& options, const TokenList& tokens,
                          const TokenCounts& counts, OpinionScratch& scratch) {
  return tokens.tokenizer == Tokenizer::kOsb ? osb_opinion(options, tokens, counts, scratch)
                                             : winnow_opinion(options, tokens, counts, scratch);
}

}  // namespace winnow
