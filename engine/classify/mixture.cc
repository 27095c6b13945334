// Winnow's combination. What was tried beside it, and how each did, is in README.md.
#include <algorithm>
#include <array>

#include "engine/classify/bayes.h"
#include "engine/classify/features.h"
#include "engine/classify/logarithm.h"

namespace winnow {

namespace {

// What a token is believed to have been seen before it was, in each class. So little that a few
// messages of one class, with none of the other, already say much: rare
// and clear tokens decide, not frequent and doubtful ones.
constexpr double kPrior = 0.05;
constexpr double kStrengthMin = 1;  // natural log odds; weaker ones are noise
constexpr double kStrengthMax = 9;
// Ratios whose odds are surely below kStrengthMin (e is 2.718).
constexpr double kWeakLow = 1 / 2.7, kWeakHigh = 2.7;
// The strongest count, and of one kind no more than this: neither a long text nor the headers of
// one mailing list outvote all else a message has.
constexpr size_t kStrongestMax = 60;
constexpr size_t kOfOneKindMax = 12;
// Tokens of one message depend on one another: what they prove grows with the root of their number.
// Fitted so that of messages said to be spam at 90 % nine of ten are.
constexpr double kScale = 0.21;

double strength(const std::pair<double, uint32_t>& token) {
  return token.first < 0 ? -token.first : token.first;
}
// Stronger first; of equal ones the lower index.
bool is_stronger(const std::pair<double, uint32_t>& a, const std::pair<double, uint32_t>& b) {
  const double x = strength(a), y = strength(b);
  return x != y ? x > y : a.second < b.second;
}

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
  // Counts are compared at the size of the smaller class, so that neither weighs more for its size.
  const auto less = static_cast<double>(std::min(learns.spam, learns.ham));
  const double spam_scale = less / static_cast<double>(learns.spam);
  const double ham_scale = less / static_cast<double>(learns.ham);
  scratch.strongest.clear();
  for (uint32_t i = 0; i < n; ++i) {
    const TokenCount& count = counts.counts[i];
    if (uint64_t{count.spam} + count.ham < std::max<uint32_t>(1, options.min_token_hits)) continue;
    const double ratio = (count.spam * spam_scale + kPrior) / (count.ham * ham_scale + kPrior);
    // A logarithm costs more than all else here: what is far too weak needs none.
    if (ratio > kWeakLow && ratio < kWeakHigh) continue;
    const double odds = natural_log(ratio);
    if (odds > -kStrengthMin && odds < kStrengthMin) continue;
    scratch.strongest.emplace_back(std::clamp(odds, -kStrengthMax, kStrengthMax), i);
  }
  if (scratch.strongest.empty()) return opinion;
  // The strongest come off a heap one by one: most are never put in order.
  auto& heap = scratch.strongest;
  const auto weaker = [](const auto& a, const auto& b) { return is_stronger(b, a); };
  std::ranges::make_heap(heap, weaker);
  std::array<size_t, 256> of_kind{};
  double sum = 0;
  while (!heap.empty()) {
    std::ranges::pop_heap(heap, weaker);
    const auto [odds, i] = heap.back();
    heap.pop_back();
    if (of_kind[tokens.kinds[i]]++ >= kOfOneKindMax) continue;
    sum += odds;
    if (++opinion.tokens == kStrongestMax) break;
  }
  opinion.known = true;
  opinion.odds = kScale * sum / __builtin_sqrt(static_cast<double>(opinion.tokens));
  opinion.probability = 1 / (1 + exponential(-opinion.odds));
  return opinion;
}

}  // namespace winnow
