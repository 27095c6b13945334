#include <algorithm>
#include <array>

#include "engine/classify/bayes.h"
#include "engine/classify/logarithm.h"
#include "engine/classify/osb_weights.h"

namespace winnow {

namespace {

bool is_meta(const TokenList& tokens, size_t i) { return i >= tokens.text_tokens; }

// What a token proves: logarithms of how likely spam, and ham, have it. Where it is too near to the
// middle, or says that one of them is impossible, it is left out.
constexpr OpinionScratch::Pair kLeftOut{1, 1};

OpinionScratch::Pair proof(TokenCount count, TokenKind kind, double spam_learns, double ham_learns,
                           double strength_min) {
  const uint64_t total = uint64_t{count.spam} + count.ham;
  const double spam_share = count.spam / spam_learns;
  const double ham_share = count.ham / ham_learns;
  const double share = spam_share / (spam_share + ham_share);
  const auto seen = static_cast<double>(total);
  const double belief = osb_belief(kind, seen);
  const auto smoothed = [&](double p) { return (belief * 0.5 + seen * p) / (belief + seen); };
  const double spam = smoothed(share);
  const double strength = spam > 0.5 ? spam - 0.5 : 0.5 - spam;
  if (strength > 0 && strength < strength_min) return kLeftOut;
  const double ham = smoothed(1 - share);
  if (spam <= 0 || ham <= 0) return kLeftOut;
  return {natural_log(spam), natural_log(ham)};
}

}  // namespace

void OpinionScratch::begin(LearnCount learns, double strength_min) {
  if (!known_.empty() && learns == learns_ && strength_min == strength_min_) return;
  learns_ = learns;
  strength_min_ = strength_min;
  known_.assign(size_t{kKinds} * kSmall * kSmall, {kNotThere, 0});
}

Opinion osb_opinion(const BayesOptions& options, const TokenList& tokens, const TokenCounts& counts,
                    OpinionScratch& scratch) {
  Opinion opinion;
  const size_t n = tokens.hashes.size();
  const LearnCount learns = counts.learns;
  if (n < options.min_tokens || (options.max_tokens > 0 && n > options.max_tokens) ||
      learns.spam < options.min_learns || learns.ham < options.min_learns ||
      tokens.text_tokens == 0)
    return opinion;
  const bool skip_meta = tokens.text_tokens <= n - tokens.text_tokens;
  const auto spam_learns = static_cast<double>(std::max<uint64_t>(1, learns.spam));
  const auto ham_learns = static_cast<double>(std::max<uint64_t>(1, learns.ham));
  scratch.begin(learns, options.min_prob_strength);
  double spam_sum = 0, ham_sum = 0;
  uint32_t used = 0, text_hits = 0;
  for (size_t i = 0; i < n; ++i) {
    if (skip_meta && is_meta(tokens, i)) continue;
    const TokenCount& count = counts.counts[i];
    const uint64_t total = uint64_t{count.spam} + count.ham;
    if (total < std::max<uint32_t>(1, options.min_token_hits)) continue;
    const TokenKind kind = tokens.kinds[i];
    OpinionScratch::Pair* const kept = scratch.known(count, kind);
    OpinionScratch::Pair logs;
    if (kept && (*kept)[0] != OpinionScratch::kNotThere) {
      logs = *kept;
    } else {
      logs = proof(count, kind, spam_learns, ham_learns, options.min_prob_strength);
      if (kept) *kept = logs;
    }
    if (logs == kLeftOut) continue;
    spam_sum += logs[0];
    ham_sum += logs[1];
    ++used;
    if (!is_meta(tokens, i)) ++text_hits;
  }
  opinion.tokens = used;
  if (used == 0 || text_hits < options.min_tokens / 10) return opinion;
  double spamminess = 0, hamminess = 0;
  if (spam_sum > -300 && ham_sum > -300) {
    hamminess = 1 - inverse_chi_square(spam_sum, used);
    spamminess = 1 - inverse_chi_square(ham_sum, used);
  } else if (spam_sum < ham_sum) {
    const double ratio = exponential(spam_sum - ham_sum);
    hamminess = (1 - ratio) / (1 + ratio);
    spamminess = 1 - hamminess;
  } else {
    const double ratio = exponential(ham_sum - spam_sum);
    spamminess = (1 - ratio) / (1 + ratio);
    hamminess = 1 - spamminess;
  }
  opinion.known = true;
  opinion.probability = (spamminess + 1 - hamminess) / 2;
  opinion.odds = spam_sum - ham_sum;
  return opinion;
}

}  // namespace winnow
