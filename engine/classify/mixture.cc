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
// Ratios nearer to 1 have odds that are surely below kStrengthMin (e is 2.718); further away than
// this they are surely over kStrengthMax (8103.08).
constexpr double kDistanceMin = 2.7, kDistanceMax = 8104;
// The strongest count, and of one kind no more than this: neither a long text nor the headers of
// one mailing list outvote all else a message has.
constexpr size_t kStrongestMax = 60;
constexpr size_t kOfOneKindMax = 12;
// Tokens of one message depend on one another: what they prove grows with the root of their number.
// Fitted so that of messages said to be spam at 90 % nine of ten are.
constexpr double kScale = 0.21;

using Token = OpinionScratch::Token;
using Candidate = OpinionScratch::Candidate;

double strength(const Token& token) { return token.odds < 0 ? -token.odds : token.odds; }
// Stronger first; of equal ones the lower hash.
bool is_stronger(const Token& a, const Token& b) {
  const double x = strength(a), y = strength(b);
  return x != y ? x > y : a.hash < b.hash;
}

// The tokens that may count. Written without a branch: half of them do, and nobody can guess which.
void find_candidates(const BayesOptions& options, const TokenCounts& counts,
                     std::vector<Candidate>& out) {
  const LearnCount learns = counts.learns;
  // Counts are compared at the size of the smaller class, so that neither weighs more for its size.
  const auto less = static_cast<double>(std::min(learns.spam, learns.ham));
  const double spam_scale = less / static_cast<double>(learns.spam);
  const double ham_scale = less / static_cast<double>(learns.ham);
  const uint32_t hits_min = std::max<uint32_t>(1, options.min_token_hits);
  out.resize(counts.counts.size());
  size_t n = 0;
  for (uint32_t i = 0; i < counts.counts.size(); ++i) {
    const TokenCount count = counts.counts[i];
    const double spam = count.spam * spam_scale + kPrior, ham = count.ham * ham_scale + kPrior;
    const double ratio = spam / ham;
    const double distance = std::min(std::max(ratio, ham / spam), kDistanceMax);
    out[n] = {ratio, distance, i};
    n += static_cast<size_t>(uint64_t{count.spam} + count.ham >= hits_min) &
         static_cast<size_t>(distance >= kDistanceMin);
  }
  out.resize(n);
}

// The strongest kOfOneKindMax tokens of each kind, each kind's in order.
class Strongest {
 public:
  explicit Strongest(std::vector<Token>& kept) : kept_(kept) { kept_.clear(); }

  void add(TokenKind kind, uint64_t hash, const Candidate& one) {
    if (places_[kind] == 0) {
      places_[kind] = ++groups_;
      kept_.resize(groups_ * kOfOneKindMax);
    }
    const size_t group = places_[kind] - size_t{1};
    Token* const own = kept_.data() + group * kOfOneKindMax;
    uint8_t& n = counts_[group];
    // A logarithm costs more than all else here: what is surely weaker than all of them needs none.
    constexpr double kSurely = 1 - 1e-9;
    if (n == kOfOneKindMax && one.distance < own[n - 1].distance * kSurely) return;
    const double odds = natural_log(one.ratio);
    if (odds > -kStrengthMin && odds < kStrengthMin) return;
    const Token token{std::clamp(odds, -kStrengthMax, kStrengthMax), one.distance, hash};
    if (n == kOfOneKindMax) {
      if (!is_stronger(token, own[n - 1])) return;
      --n;
    }
    size_t at = n++;
    for (; at > 0 && is_stronger(token, own[at - 1]); --at) own[at] = own[at - 1];
    own[at] = token;
  }

  // Calls take(odds) for all of them, strongest first, at most kStrongestMax times.
  template <class Take>
  void each(const Take& take) const {
    std::array<uint8_t, 256> next{};
    for (size_t taken = 0; taken < kStrongestMax; ++taken) {
      const Token* best = nullptr;
      size_t from = 0;
      for (size_t group = 0; group < groups_; ++group) {
        if (next[group] == counts_[group]) continue;
        const Token& one = kept_[group * kOfOneKindMax + next[group]];
        if (best && !is_stronger(one, *best)) continue;
        best = &one;
        from = group;
      }
      if (!best) return;
      ++next[from];
      take(best->odds);
    }
  }

 private:
  std::vector<Token>& kept_;
  size_t groups_ = 0;
  std::array<uint16_t, 256> places_{};  // by kind: its group in kept_, and one; 0: none yet
  std::array<uint8_t, 256> counts_{};   // by group
};

}  // namespace

Opinion winnow_opinion(const BayesOptions& options, const TokenList& tokens,
                       const TokenCounts& counts, OpinionScratch& scratch) {
  Opinion opinion;
  const size_t n = tokens.hashes.size();
  const LearnCount learns = counts.learns;
  if (n < options.min_tokens || (options.max_tokens > 0 && n > options.max_tokens) ||
      learns.spam < options.min_learns || learns.ham < options.min_learns || learns.spam == 0 ||
      learns.ham == 0)
    return opinion;
  find_candidates(options, counts, scratch.candidates);
  Strongest strongest(scratch.strongest);
  for (const Candidate& one : scratch.candidates)
    strongest.add(tokens.kinds[one.index], tokens.hashes[one.index], one);
  double sum = 0;
  strongest.each([&](double odds) {
    sum += odds;
    ++opinion.tokens;
  });
  if (opinion.tokens == 0) return opinion;
  opinion.known = true;
  opinion.odds = kScale * sum / __builtin_sqrt(static_cast<double>(opinion.tokens));
  opinion.probability = 1 / (1 + exponential(-opinion.odds));
  return opinion;
}

}  // namespace winnow
