#include "pipeline/learn/evaluate.h"

#include <fmt/format.h>

#include <algorithm>

namespace winnow {

void Evaluation::count(Scope& scope, const Class& what, int delta) {
  const bool spam = what.label == LearnLabel::kSpam;
  if (!spam && what.label != LearnLabel::kHam) return;
  uint64_t& learns = spam ? scope.learns.spam : scope.learns.ham;
  learns += static_cast<uint64_t>(delta);  // wraps around and back
  for (const uint64_t hash : what.hashes) {
    TokenCount& token = scope.counts[hash];
    (spam ? token.spam : token.ham) += static_cast<uint32_t>(delta);
  }
}

// Counts that were taken over are there from then on; that they are given back is not followed.
void Evaluation::take_over(const LearnRecord& record) {
  TokenList tokens;
  TokenCounts counts;
  read_counts(record, tokens, counts);
  Scope& scope = scopes_[record.scope];
  scope.learns.spam += counts.learns.spam;
  scope.learns.ham += counts.learns.ham;
  for (size_t i = 0; i < tokens.hashes.size(); ++i) {
    scope.counts[tokens.hashes[i]].spam += counts.counts[i].spam;
    scope.counts[tokens.hashes[i]].ham += counts.counts[i].ham;
  }
}

Opinion Evaluation::next(const LearnRecord& record) {
  Opinion opinion;
  if (record.tokenizer != tokenizer_) return opinion;
  if (record.kind == LearnKind::kCounts) {
    take_over(record);
    return opinion;
  }
  Scope& scope = scopes_[record.scope];
  const auto before = scope.learnt.find(record.digest);
  if (record.kind == LearnKind::kLearn) {
    TokenList tokens;
    if (!read_token_question(record.tokens, tokens)) return opinion;
    const bool judged = record.label == LearnLabel::kSpam || record.label == LearnLabel::kHam;
    if (before != scope.learnt.end()) {  // it has seen it
      count(scope, before->second, -1);
    } else if (judged) {
      TokenCounts counts;
      counts.learns = scope.learns;
      for (const uint64_t hash : tokens.hashes) {
        const auto found = scope.counts.find(hash);
        counts.counts.push_back(found == scope.counts.end() ? TokenCount{} : found->second);
      }
      opinion = opinion_of(options_, tokens, counts, scratch_);
      if (opinion.known)
        (record.label == LearnLabel::kSpam ? spam_ : ham_).push_back(opinion.odds);
      else
        ++unknown_;
    }
    Class& now = scope.learnt[record.digest];
    now = {record.label, std::move(tokens.hashes)};
    count(scope, now, 1);
  } else if (before != scope.learnt.end()) {
    count(scope, before->second, -1);
    scope.learnt.erase(before);
  }
  return opinion;
}

double one_minus_roca(std::vector<double> spam, std::vector<double> ham) {
  if (spam.empty() || ham.empty()) return 0;
  std::ranges::sort(spam);
  std::ranges::sort(ham);
  double wrong = 0;
  for (const double odds : spam) {
    const auto [from, to] = std::equal_range(ham.begin(), ham.end(), odds);
    wrong += static_cast<double>(ham.end() - to) + static_cast<double>(to - from) / 2;
  }
  return 100 * wrong / (static_cast<double>(spam.size()) * static_cast<double>(ham.size()));
}

std::string Evaluation::summary() const {
  const auto spam_wrong = std::ranges::count_if(spam_, [](double odds) { return odds <= 0; });
  const auto ham_wrong = std::ranges::count_if(ham_, [](double odds) { return odds >= 0; });
  // Nothing orders spam before ham where one of them is missing.
  const std::string roca = spam_.empty() || ham_.empty()
                               ? std::string("not known: both classes are needed")
                               : fmt::format("{:.3f} %", one_minus_roca(spam_, ham_));
  return fmt::format(
      "{} spam, {} of them taken for ham; {} ham, {} of them taken for spam; {} before enough was "
      "learnt; 1-ROCA {}",
      spam_.size(), spam_wrong, ham_.size(), ham_wrong, unknown_, roca);
}

}  // namespace winnow
