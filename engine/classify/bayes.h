// The two ways from token counts to a probability of spam.
//
// osb: Rspamd's (facts/bayes.md, "Classify"): each token's smoothed probability, their logarithms
// added, Fisher's inverse chi-square of both sums. It saturates: far from the middle all is 0 or 1.
//
// winnow: the sum of its strongest tokens' log odds, of each kind a few, so that a long text does
// not drown a header; divided by the root of their number, as they depend on one another; put
// through a logistic curve. It orders any two messages, however clear both are (`odds` does not
// saturate).
#pragma once

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

// REQUIRED: counts.counts.size() == tokens.hashes.size().
Opinion osb_opinion(const BayesOptions& options, const TokenList& tokens,
                    const TokenCounts& counts);

struct MixtureScratch {
  std::vector<std::pair<double, uint32_t>> strongest;
};
Opinion winnow_opinion(const BayesOptions& options, const TokenList& tokens,
                       const TokenCounts& counts, MixtureScratch& scratch);

}  // namespace winnow
