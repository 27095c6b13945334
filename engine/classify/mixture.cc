// Winnow's combination. What was tried beside it, and how each did, is in README.md.
#include <emmintrin.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <span>
#include <utility>

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
// this they are surely over kStrengthMax (8103.08). From kDistanceSure on they are surely over
// kStrengthMin.
constexpr double kDistanceMin = 2.7, kDistanceSure = 2.72, kDistanceMax = 8104;
// The strongest count, and of one kind no more than this: neither a long text nor the headers of
// one mailing list outvote all else a message has.
constexpr size_t kStrongestMax = 40;
constexpr size_t kOfOneKindMax = 8;
// Tokens of one message depend on one another: what they prove grows with the root of their number.
// Fitted so that of messages said to be spam at 90 % nine of ten are.
constexpr double kScale = 0.25;

// Tokens with the same counts were mostly seen in the same messages, as the parts of one signature
// are: n of them are worth n^0.8. Of the nth one, from 0 on.
using Worths = std::array<double, kStrongestMax>;
const Worths& worths() {
  static const Worths all = [] {
    Worths out;
    double before = 0;
    for (size_t n = 0; n < out.size(); ++n) {
      const double together = exponential(0.8 * natural_log(static_cast<double>(n + 1)));
      out[n] = together - before;
      before = together;
    }
    return out;
  }();
  return all;
}

// How many tokens with the same counts came before, of those that follow one another from the
// strongest to the weakest.
class Alike {
 public:
  size_t before(double ratio) {
    Side& side = sides_[ratio > 1];
    if (ratio == side.ratio) return ++side.before;
    side = {ratio, 0};
    return 0;
  }

 private:
  struct Side {
    double ratio = 0;
    size_t before = 0;
  };
  std::array<Side, 2> sides_;  // for ham, for spam
};

// What counts are compared by: at the size of the smaller class, so that neither weighs more for
// its size.
struct Scales {
  double spam, ham;
  explicit Scales(LearnCount learns) {
    const auto less = static_cast<double>(std::min(learns.spam, learns.ham));
    spam = less / static_cast<double>(learns.spam);
    ham = less / static_cast<double>(learns.ham);
  }
  double of_spam(TokenCount count) const { return count.spam * spam + kPrior; }
  double of_ham(TokenCount count) const { return count.ham * ham + kPrior; }
};

// How far the ratio of a token's counts is from 1, whichever way.
double distance_of(const Scales& scales, TokenCount count) {
  const double spam = scales.of_spam(count), ham = scales.of_ham(count);
  return std::min(std::max(spam, ham) / std::min(spam, ham), kDistanceMax);
}

// A token that may count, in one number: the upper bits of its distance, and below them its index.
// The larger number is the stronger token, but for those whose distances are as good as equal.
using Candidate = OpinionScratch::Candidate;
constexpr int kIndexBits = 16;
static_assert(kTokensMax <= 1 << kIndexBits);
constexpr Candidate kCandidateSure = std::bit_cast<uint64_t>(kDistanceSure);
uint32_t index_of(Candidate one) { return static_cast<uint32_t>(one & ((1 << kIndexBits) - 1)); }

// The tokens that may count: half of them do, and nobody can guess which, hence no branch on it.
// Two tokens at once; in each half the operations are those of distance_of(), so the bits are the
// same.
std::span<const Candidate> find_candidates(const BayesOptions& options, const Scales& scales,
                                           std::span<const TokenCount> counts,
                                           std::vector<Candidate>& room) {
  if (room.size() < counts.size() + 2) room.resize(counts.size() + 2);
  const __m128d spam_scale = _mm_set1_pd(scales.spam), ham_scale = _mm_set1_pd(scales.ham),
                prior = _mm_set1_pd(kPrior), least = _mm_set1_pd(kDistanceMin),
                most = _mm_set1_pd(kDistanceMax),
                hits = _mm_set1_pd(std::max<uint32_t>(1, options.min_token_hits));
  // A number below 2^52 in the lower bits of 2^52, less 2^52, is that number.
  const __m128i exponent = _mm_set1_epi64x(0x4330000000000000);
  const auto number = [&](__m128i whole) {
    return _mm_sub_pd(_mm_castsi128_pd(_mm_or_si128(whole, exponent)), _mm_castsi128_pd(exponent));
  };
  const __m128i lower = _mm_set1_epi64x(0xFFFFFFFF);
  const __m128i distance_bits = _mm_set1_epi64x(~((int64_t{1} << kIndexBits) - 1));
  __m128i indices = _mm_set_epi64x(1, 0);
  Candidate* to = room.data();
  const auto two = [&](__m128i both) {
    const __m128d spam_count = number(_mm_and_si128(both, lower));
    const __m128d ham_count = number(_mm_srli_epi64(both, 32));
    const __m128d spam = _mm_add_pd(_mm_mul_pd(spam_count, spam_scale), prior);
    const __m128d ham = _mm_add_pd(_mm_mul_pd(ham_count, ham_scale), prior);
    const __m128d distance = _mm_div_pd(_mm_max_pd(spam, ham), _mm_min_pd(spam, ham));
    const int can_count = _mm_movemask_pd(_mm_and_pd(
        _mm_cmpge_pd(distance, least), _mm_cmpge_pd(_mm_add_pd(spam_count, ham_count), hits)));
    const __m128i upper =
        _mm_and_si128(_mm_castpd_si128(_mm_min_pd(distance, most)), distance_bits);
    const __m128i found = _mm_or_si128(upper, indices);
    indices = _mm_add_epi64(indices, _mm_set1_epi64x(2));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(to), found);
    to += can_count & 1;
    _mm_storeh_pd(reinterpret_cast<double*>(to), _mm_castsi128_pd(found));
    to += can_count >> 1;
  };
  size_t i = 0;
  for (; i + 2 <= counts.size(); i += 2)
    two(_mm_loadu_si128(reinterpret_cast<const __m128i*>(&counts[i])));
  // Beside the last one no counts, which are not enough.
  if (i < counts.size()) two(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(&counts[i])));
  return {room.data(), to};
}

// Candidates from the strongest to the weakest, as far as they are asked for: into heaps by the
// upper bits of their distance, of which one after the other is put in order. Of equal ones the
// lower hash comes first.
class Strongest {
 public:
  Strongest(const Scales& scales, const TokenList& tokens, const TokenCounts& counts,
            std::span<const Candidate> from, std::vector<Candidate>& to)
      : scales_(scales), tokens_(tokens), counts_(counts), sorted_(to) {
    for (const Candidate one : from) ++ends_[heap_of(one)];
    uint32_t begin = 0;
    for (uint32_t& end : ends_) begin += std::exchange(end, begin);
    if (sorted_.size() < from.size()) sorted_.resize(from.size());
    for (const Candidate one : from) sorted_[ends_[heap_of(one)]++] = one;
  }

  // Calls take(candidate) until it says false; leaves out those that skip(candidate) says before
  // their heap's turn.
  template <class Skip, class Take>
  void each(const Skip& skip, const Take& take) {
    auto begin = sorted_.begin();
    for (const uint32_t place : ends_) {
      const auto end = sorted_.begin() + place;
      const std::span heap(begin, std::remove_if(begin, end, skip));
      begin = end;
      put_in_order(heap);
      for (const Candidate one : heap)
        if (!take(one)) return;
    }
  }

 private:
  uint64_t hash(Candidate one) const { return tokens_.hashes[index_of(one)]; }
  bool is_before(Candidate a, Candidate b) const {
    if (a >> kIndexBits != b >> kIndexBits) return a > b;
    const double distance_a = distance_of(scales_, counts_.counts[index_of(a)]),
                 distance_b = distance_of(scales_, counts_.counts[index_of(b)]);
    return distance_a != distance_b ? distance_a > distance_b : hash(a) < hash(b);
  }

  // Few are put in order by counting how many come before each, without a branch: which of two is
  // the stronger nobody can guess. What is compared is what a heap's candidates differ in: the
  // lower bits of the distances that they hold, and the upper bits of the hash: nearly always
  // enough.
  void put_in_order(std::span<Candidate> heap) const {
    constexpr size_t kFew = 48;
    constexpr int kHashBits = kIndexBits + 64 - kShift;
    std::array<Candidate, kFew> from;
    std::array<uint64_t, kFew> keys;
    std::array<uint32_t, kFew> before;
    if (heap.size() < 2) return;
    if (heap.size() <= kFew) {
      for (size_t i = 0; i < heap.size(); ++i) {
        from[i] = heap[i];
        const uint64_t key =
            (heap[i] >> kIndexBits << kHashBits) | ~hash(heap[i]) >> (64 - kHashBits);
        uint32_t smaller = 0;
        for (size_t j = 0; j < i; ++j) {
          const uint32_t one = keys[j] < key;
          before[j] += one;
          smaller += one;
        }
        keys[i] = key;
        before[i] = static_cast<uint32_t>(i) - smaller;
      }
      for (size_t i = 0; i < heap.size(); ++i) heap[before[i]] = from[i];
      bool ordered = true;
      for (size_t i = 1; i < heap.size(); ++i)
        ordered &=
            heap[i] >> kIndexBits != heap[i - 1] >> kIndexBits || !is_before(heap[i], heap[i - 1]);
      if (ordered) return;
    }
    std::ranges::sort(heap, [this](Candidate a, Candidate b) { return is_before(a, b); });
  }

  // Eight heaps for each power of two, the strongest first.
  static constexpr int kShift = 49;
  static constexpr uint64_t kFirst = std::bit_cast<uint64_t>(2.0) >> kShift,
                            kLast = std::bit_cast<uint64_t>(kDistanceMax) >> kShift;
  static constexpr size_t kHeaps = kLast - kFirst + 1;
  static size_t heap_of(Candidate one) { return kLast - (one >> kShift); }
  const Scales& scales_;
  const TokenList& tokens_;
  const TokenCounts& counts_;
  std::vector<Candidate>& sorted_;
  std::array<uint32_t, kHeaps> ends_{};
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
  const Scales scales(learns);
  const std::span<const Candidate> candidates =
      find_candidates(options, scales, counts.counts, scratch.candidates);
  std::array<uint8_t, 256> of_kind{};
  std::array<double, kStrongestMax> odds;  // ratios, until all are known
  std::array<double, kStrongestMax> worth;
  double worth_of_all = 0;
  Alike alike;
  const auto is_full = [&](Candidate one) {
    return of_kind[tokens.kinds[index_of(one)]] == kOfOneKindMax;
  };
  Strongest strongest(scales, tokens, counts, candidates, scratch.sorted);
  strongest.each(is_full, [&](Candidate one) {
    if (is_full(one)) return true;
    const TokenCount count = counts.counts[index_of(one)];
    const double ratio = scales.of_spam(count) / scales.of_ham(count);
    // What comes after it is weaker still.
    if (one < kCandidateSure && std::abs(natural_log(ratio)) < kStrengthMin) return false;
    ++of_kind[tokens.kinds[index_of(one)]];
    worth[opinion.tokens] = worths()[alike.before(ratio)];
    worth_of_all += worth[opinion.tokens];
    odds[opinion.tokens++] = ratio;
    return opinion.tokens < kStrongestMax;
  });
  if (opinion.tokens == 0) return opinion;
  natural_logs(std::span(odds).first(opinion.tokens));
  double sum = 0;
  for (size_t i = 0; i < opinion.tokens; ++i)
    sum += worth[i] * std::clamp(odds[i], -kStrengthMax, kStrengthMax);
  opinion.known = true;
  opinion.odds = kScale * sum / __builtin_sqrt(worth_of_all);
  opinion.probability = 1 / (1 + exponential(-opinion.odds));
  return opinion;
}

}  // namespace winnow
