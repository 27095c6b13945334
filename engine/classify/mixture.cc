#include <algorithm>

#include "engine/classify/bayes.h"
#include "engine/classify/features.h"
#include "engine/classify/logarithm.h"

namespace winnow {

namespace {

// What a token is believed to say before it was seen: half a message of each class.
constexpr double kPrior = 0.5;
constexpr double kStrengthMax = 6;     // natural log odds of one token
constexpr double kStrengthMin = 0.4;   // weaker ones are noise that a long text has much of
constexpr size_t kStrongestMax = 300;  // tokens that count, strongest first
// Tokens of one message depend on one another: the sum grows with their number, what it proves
// with its square root.
constexpr double kScale = 1.5;

}  // namespace

Opinion winnow_opinion(const BayesOptions& options, const TokenList& tokens,
                       const TokenCounts& counts, MixtureScratch& scratch) {
  Opinion opinion;
  const size_t n = tokens.hashes.size();
  const LearnCount learns = counts.learns;
  if (n < options.min_tokens || (options.max_tokens > 0 && n > options.max_tokens) ||
      learns.spam < options.min_learns || learns.ham < options.min_learns || learns.spam == 0 ||
      learns.ham == 0)
    return opinion;
  // Shares are compared at the size of the smaller class, so that neither weighs more for its size.
  const auto less = static_cast<double>(std::min(learns.spam, learns.ham));
  const double spam_scale = less / static_cast<double>(learns.spam);
  const double ham_scale = less / static_cast<double>(learns.ham);
  scratch.strongest.clear();
  for (uint32_t i = 0; i < n; ++i) {
    const TokenCount& count = counts.counts[i];
    if (uint64_t{count.spam} + count.ham < std::max<uint32_t>(1, options.min_token_hits)) continue;
    const double odds =
        natural_log((count.spam * spam_scale + kPrior) / (count.ham * ham_scale + kPrior));
    const double strength = odds < 0 ? -odds : odds;
    if (strength < kStrengthMin) continue;
    scratch.strongest.emplace_back(odds < -kStrengthMax  ? -kStrengthMax
                                   : odds > kStrengthMax ? kStrengthMax
                                                         : odds,
                                   i);
  }
  const auto stronger = [](const auto& a, const auto& b) {
    const double x = a.first < 0 ? -a.first : a.first, y = b.first < 0 ? -b.first : b.first;
    return x != y ? x > y : a.second < b.second;
  };
  if (scratch.strongest.size() > kStrongestMax) {
    std::ranges::nth_element(scratch.strongest, scratch.strongest.begin() + kStrongestMax,
                             stronger);
    scratch.strongest.resize(kStrongestMax);
  }
  std::ranges::sort(scratch.strongest, {}, [](const auto& one) { return one.second; });
  double sum = 0, squares = 0;
  for (const auto& [odds, i] : scratch.strongest) {
    sum += odds;
    squares += odds * odds;
  }
  if (scratch.strongest.empty()) return opinion;
  opinion.known = true;
  opinion.tokens = static_cast<uint32_t>(scratch.strongest.size());
  opinion.odds = sum / (kScale * __builtin_sqrt(squares + 1));
  opinion.probability = 1 / (1 + exponential(-opinion.odds));
  return opinion;
}

}  // namespace winnow
