// Winnow's combination. What was tried beside it, and how each did, is in README.md.
#include <emmintrin.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <span>

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
constexpr size_t kStrongestMax = 60;
constexpr size_t kOfOneKindMax = 12;
// Tokens of one message depend on one another: what they prove grows with the root of their number.
// Fitted so that of messages said to be spam at 90 % nine of ten are.
constexpr double kScale = 0.21;

using Candidate = OpinionScratch::Candidate;

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

// How far the ratio of a token's counts is from 1, whichever way; 0 where it cannot count. Two
// tokens at once; in each half the operations are those of Scales, so the bits are the same.
void find_distances(const Scales& scales, uint32_t hits_min, std::span<const TokenCount> counts,
                    double* out) {
  const __m128d spam_scale = _mm_set1_pd(scales.spam), ham_scale = _mm_set1_pd(scales.ham),
                prior = _mm_set1_pd(kPrior), least = _mm_set1_pd(kDistanceMin),
                most = _mm_set1_pd(kDistanceMax), hits = _mm_set1_pd(hits_min);
  // A number below 2^52 in the lower bits of 2^52, less 2^52, is that number.
  const __m128i exponent = _mm_set1_epi64x(0x4330000000000000);
  const auto number = [&](__m128i whole) {
    return _mm_sub_pd(_mm_castsi128_pd(_mm_or_si128(whole, exponent)), _mm_castsi128_pd(exponent));
  };
  const __m128i lower = _mm_set1_epi64x(0xFFFFFFFF);
  const auto two = [&](__m128i both, double* to) {
    const __m128d spam_count = number(_mm_and_si128(both, lower));
    const __m128d ham_count = number(_mm_srli_epi64(both, 32));
    const __m128d spam = _mm_add_pd(_mm_mul_pd(spam_count, spam_scale), prior);
    const __m128d ham = _mm_add_pd(_mm_mul_pd(ham_count, ham_scale), prior);
    const __m128d distance = _mm_div_pd(_mm_max_pd(spam, ham), _mm_min_pd(spam, ham));
    const __m128d can_count = _mm_and_pd(_mm_cmpge_pd(distance, least),
                                         _mm_cmpge_pd(_mm_add_pd(spam_count, ham_count), hits));
    _mm_storeu_pd(to, _mm_and_pd(can_count, _mm_min_pd(distance, most)));
  };
  size_t i = 0;
  for (; i + 2 <= counts.size(); i += 2)
    two(_mm_loadu_si128(reinterpret_cast<const __m128i*>(&counts[i])), out + i);
  if (i == counts.size()) return;
  double last[2];
  two(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(&counts[i])), last);
  out[i] = last[0];
}

// The tokens that may count. Half of them do, and nobody can guess which: hence no branch on it.
std::span<const Candidate> find_candidates(const BayesOptions& options, const Scales& scales,
                                           std::span<const TokenCount> counts,
                                           OpinionScratch& scratch) {
  if (scratch.distances.size() < counts.size()) {
    scratch.distances.resize(counts.size());
    scratch.candidates.resize(counts.size());
  }
  find_distances(scales, std::max<uint32_t>(1, options.min_token_hits), counts,
                 scratch.distances.data());
  const double* const distances = scratch.distances.data();
  Candidate* const to = scratch.candidates.data();
  size_t n = 0;
  for (uint32_t i = 0; i < counts.size(); ++i) {
    to[n] = {distances[i], i};
    n += static_cast<size_t>(distances[i] > 0);
  }
  return {to, n};
}

// Candidates from the strongest to the weakest, as far as they are asked for: into heaps by the
// upper bits of their distance, of which one after the other is put in order. Of equal ones the
// lower hash comes first.
class Strongest {
 public:
  Strongest(std::span<const uint64_t> hashes, std::span<const Candidate> from,
            std::vector<Candidate>& to)
      : hashes_(hashes), sorted_(to) {
    std::array<uint32_t, kHeaps + 1> next{};
    for (const Candidate& one : from) ++next[heap_of(one) + 1];
    for (size_t i = 0; i < kHeaps; ++i) next[i + 1] += next[i];
    begin_ = next;
    if (sorted_.size() < from.size()) sorted_.resize(from.size());
    for (const Candidate& one : from) sorted_[next[heap_of(one)]++] = one;
  }

  // Calls take(candidate) until it says false; leaves out those that skip(candidate) says before
  // their heap's turn.
  template <class Skip, class Take>
  void each(const Skip& skip, const Take& take) {
    for (size_t i = 0; i < kHeaps; ++i) {
      const auto begin = sorted_.begin() + begin_[i];
      const std::span heap(begin, std::remove_if(begin, sorted_.begin() + begin_[i + 1], skip));
      put_in_order(heap);
      for (const Candidate& one : heap)
        if (!take(one)) return;
    }
  }

 private:
  bool is_before(const Candidate& a, const Candidate& b) const {
    return a.distance != b.distance ? a.distance > b.distance : hashes_[a.index] < hashes_[b.index];
  }

  // Few are put in order by counting how many come before each, without a branch: which of two is
  // the stronger nobody can guess. What is compared is what a heap's distances differ in, but for
  // nine bits, and the upper bits of the hash: nearly always enough.
  void put_in_order(std::span<Candidate> heap) const {
    constexpr size_t kFew = 48, kHashBits = 24;
    std::array<Candidate, kFew> from;
    std::array<uint64_t, kFew> keys;
    std::array<uint32_t, kFew> before;
    if (heap.size() < 2) return;
    if (heap.size() <= kFew) {
      for (size_t i = 0; i < heap.size(); ++i) {
        from[i] = heap[i];
        const uint64_t distance = std::bit_cast<uint64_t>(heap[i].distance) << (64 - kShift);
        const uint64_t key =
            (distance >> kHashBits << kHashBits) | ~hashes_[heap[i].index] >> (64 - kHashBits);
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
      for (size_t i = 1; i < heap.size(); ++i) ordered &= !is_before(heap[i], heap[i - 1]);
      if (ordered) return;
    }
    std::ranges::sort(heap,
                      [this](const Candidate& a, const Candidate& b) { return is_before(a, b); });
  }

  // Eight heaps for each power of two, the strongest first.
  static constexpr uint64_t kShift = 49, kFirst = std::bit_cast<uint64_t>(2.0) >> kShift,
                            kLast = std::bit_cast<uint64_t>(kDistanceMax) >> kShift;
  static constexpr size_t kHeaps = kLast - kFirst + 1;
  static size_t heap_of(const Candidate& one) {
    return kLast - (std::bit_cast<uint64_t>(one.distance) >> kShift);
  }
  const std::span<const uint64_t> hashes_;
  std::vector<Candidate>& sorted_;
  std::array<uint32_t, kHeaps + 1> begin_;
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
      find_candidates(options, scales, counts.counts, scratch);
  std::array<uint8_t, 256> of_kind{};
  std::array<double, kStrongestMax> odds;  // ratios, until all are known
  const auto is_full = [&](const Candidate& one) {
    return of_kind[tokens.kinds[one.index]] == kOfOneKindMax;
  };
  Strongest strongest(tokens.hashes, candidates, scratch.sorted);
  strongest.each(is_full, [&](const Candidate& one) {
    if (is_full(one)) return true;
    const TokenCount count = counts.counts[one.index];
    const double ratio = scales.of_spam(count) / scales.of_ham(count);
    // What comes after it is weaker still.
    if (one.distance < kDistanceSure && std::abs(natural_log(ratio)) < kStrengthMin) return false;
    ++of_kind[tokens.kinds[one.index]];
    odds[opinion.tokens++] = ratio;
    return opinion.tokens < kStrongestMax;
  });
  if (opinion.tokens == 0) return opinion;
  natural_logs(std::span(odds).first(opinion.tokens));
  double sum = 0;
  for (size_t i = 0; i < opinion.tokens; ++i)
    sum += std::clamp(odds[i], -kStrengthMax, kStrengthMax);
  opinion.known = true;
  opinion.odds = kScale * sum / __builtin_sqrt(static_cast<double>(opinion.tokens));
  opinion.probability = 1 / (1 + exponential(-opinion.odds));
  return opinion;
}

}  // namespace winnow
