// Which of several classes a message is of. Two are what spam and ham are: one opinion. Of more,
// osb does as Rspamd 4.1 (facts/bayes.md, "4.x classes"): each class' logarithms added, the largest
// sum wins. winnow holds each class against all others together, and the best odds win.
#include <algorithm>
#include <array>
#include <cmath>

#include "engine/classify/bayes.h"
#include "engine/classify/logarithm.h"
#include "engine/classify/osb_weights.h"

namespace winnow {

namespace {

size_t classes_of(const TokenList& tokens) {
  return tokens.classes.empty() ? 2 : tokens.classes.size();
}

// Classes of which enough was learnt; without two of them there is nothing to choose.
std::vector<uint32_t> learnt_classes(const BayesOptions& options, const TokenList& tokens,
                                     const TokenCounts& counts) {
  std::vector<uint32_t> out;
  for (uint32_t i = 0; i < classes_of(tokens); ++i)
    if (counts.learnt(i) >= std::max<uint64_t>(1, options.min_learns)) out.push_back(i);
  return out;
}

bool is_judged(const BayesOptions& options, size_t tokens) {
  return tokens >= options.min_tokens && (options.max_tokens == 0 || tokens <= options.max_tokens);
}

struct ClassSum {
  double sum = 0;  // of logarithms
  uint32_t used = 0;
};

ClassOpinion osb_class(const BayesOptions& options, const TokenList& tokens,
                       const TokenCounts& counts) {
  ClassOpinion out;
  const size_t n = tokens.hashes.size(), classes = classes_of(tokens);
  const std::vector<uint32_t> learnt = learnt_classes(options, tokens, counts);
  if (!is_judged(options, n) || tokens.text_tokens == 0 || learnt.size() < 2) return out;
  const size_t judged = tokens.text_tokens <= n - tokens.text_tokens ? tokens.text_tokens : n;
  const double even = 1 / static_cast<double>(classes);
  std::array<ClassSum, kClassesMax> sums;
  uint32_t text_hits = 0;
  for (size_t i = 0; i < judged; ++i) {
    uint64_t total = 0;
    for (size_t one = 0; one < classes; ++one) total += counts.count(one, i);
    if (total < std::max<uint32_t>(1, options.min_token_hits)) continue;
    const auto seen = static_cast<double>(total);
    const double weight = osb_belief(tokens.kinds[i], seen);
    bool counts_here = false;
    for (const uint32_t one : learnt) {
      const double share = counts.count(one, i) / static_cast<double>(counts.learnt(one));
      const double p = (weight * even + seen * share) / (weight + seen);
      if (p <= 0 || std::fabs(p - even) < options.min_prob_strength) continue;
      sums[one].sum += natural_log(p);
      ++sums[one].used;
      counts_here = true;
    }
    out.tokens += counts_here;
    text_hits += counts_here && i < tokens.text_tokens;
  }
  if (out.tokens == 0 || text_hits < options.min_tokens / 10) return out;
  out.best = *std::ranges::max_element(learnt, {}, [&](uint32_t one) { return sums[one].sum; });
  const ClassSum& best = sums[out.best];
  out.known = true;
  if (best.sum > 0) {
    out.probability = 0.95;
  } else if (best.sum > -300) {
    const double by_chance = inverse_chi_square(best.sum, best.used);
    out.probability = by_chance > 0.999 && best.sum > -100 ? 0.90 : 1 - by_chance;
  } else {
    double all = 0;
    for (const uint32_t one : learnt) all += exponential(sums[one].sum - best.sum);
    out.probability = 1 / all;
  }
  return out;
}

ClassOpinion winnow_class(const BayesOptions& options, const TokenList& tokens,
                          const TokenCounts& counts, OpinionScratch& scratch) {
  ClassOpinion out;
  const std::vector<uint32_t> learnt = learnt_classes(options, tokens, counts);
  if (learnt.size() < 2) return out;
  TokenCounts against;
  against.counts.resize(tokens.hashes.size());
  const auto bounded = [](uint64_t count) {
    return static_cast<uint32_t>(std::min<uint64_t>(count, UINT32_MAX));
  };
  // Of all learnt classes together.
  uint64_t learns = 0;
  std::vector<uint64_t> seen(tokens.hashes.size());
  for (const uint32_t one : learnt) {
    learns += counts.learnt(one);
    for (size_t i = 0; i < seen.size(); ++i) seen[i] += counts.count(one, i);
  }
  double best = 0;
  for (const uint32_t one : learnt) {
    against.learns = {counts.learnt(one), learns - counts.learnt(one)};
    for (size_t i = 0; i < seen.size(); ++i) {
      const uint32_t own = counts.count(one, i);
      against.counts[i] = {own, bounded(seen[i] - own)};
    }
    const Opinion opinion = winnow_opinion(options, tokens, against, scratch);
    if (!opinion.known || (out.known && opinion.odds <= best)) continue;
    best = opinion.odds;
    out = {
        .known = true, .best = one, .probability = opinion.probability, .tokens = opinion.tokens};
  }
  return out;
}

}  // namespace

ClassOpinion class_opinion(const BayesOptions& options, const TokenList& tokens,
                           const TokenCounts& counts, OpinionScratch& scratch) {
  if (classes_of(tokens) > 2)
    return tokens.tokenizer == Tokenizer::kOsb ? osb_class(options, tokens, counts)
                                               : winnow_class(options, tokens, counts, scratch);
  const Opinion opinion = opinion_of(options, tokens, counts, scratch);
  const bool first = opinion.probability > 0.5;
  return {.known = opinion.known,
          .best = first ? 0u : 1u,
          .probability = first ? opinion.probability : 1 - opinion.probability,
          .tokens = opinion.tokens};
}

}  // namespace winnow
