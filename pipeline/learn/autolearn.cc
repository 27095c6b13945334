#include "pipeline/learn/autolearn.h"

#include <fmt/format.h>

#include "rules/checks/learned/bayes.h"

namespace winnow {

namespace {

// Of the answer that the classifier judged by; nothing where there was none.
std::optional<LearnCount> learnt_so_far(const Evidence& evidence) {
  const Question* const question = token_question(evidence);
  if (!question) return std::nullopt;
  const auto& answer = evidence.answers[static_cast<size_t>(question - evidence.questions.data())];
  TokenList tokens;
  TokenCounts counts;
  if (answer.state != AnswerState::kValue || answer.values.empty() ||
      !read_token_question(question->key, tokens) ||
      !read_token_answer(answer.values[0], tokens.hashes.size(), counts))
    return std::nullopt;
  return counts.learns;
}

}  // namespace

std::optional<LearnLabel> autolearn_as(const RuleSet& rules, const Case& one) {
  const BayesPlan* const plan = find_bayes(rules);
  if (!plan || !plan->autolearn.on || !one.verdict.pre_results.empty() ||
      one.verdict.cut_by_deadline)
    return std::nullopt;
  const std::optional<LearnCount> learnt = learnt_so_far(one.evidence);
  if (!learnt) return std::nullopt;
  Micro score = one.verdict.score;
  bool says_spam = false, says_ham = false;
  for (const VerdictSymbol& symbol : one.verdict.symbols) {
    if (symbol.symbol != plan->spam && symbol.symbol != plan->ham) continue;
    (symbol.symbol == plan->spam ? says_spam : says_ham) = true;
    if (!symbol.removed && !symbol.weight_removed) score -= symbol.score;
  }
  const BayesPlan::Autolearn& when = plan->autolearn;
  const Micro spam_from = when.spam ? *when.spam : one.verdict.required;
  const bool spam = when.spam ? score >= spam_from : score > spam_from;
  const bool ham = when.strict ? score < when.ham : score <= when.ham;
  if (spam == ham || (spam && spam_from == kNoThreshold)) return std::nullopt;
  if (spam ? says_spam : says_ham) return std::nullopt;
  if (when.check_balance) {
    const auto more = static_cast<double>(spam ? learnt->spam : learnt->ham);
    const auto less = static_cast<double>(spam ? learnt->ham : learnt->spam);
    if (more / (less + 1) > 1 / when.min_balance) return std::nullopt;
  }
  return spam ? LearnLabel::kSpam : LearnLabel::kHam;
}

std::string learn_denied(const RuleSet& rules, const Case& one, LearnLabel label) {
  const BayesPlan* const plan = find_bayes(rules);
  if (!plan || plan->learn_below <= 0) return "";
  const Opinion opinion = bayes_opinion(*plan, one.evidence);
  const double sure = label == LearnLabel::kSpam ? opinion.probability : 1 - opinion.probability;
  if (!opinion.known || sure < plan->learn_below) return "";
  return fmt::format("already in class {}; probability {:.2f}%", label_name(label), sure * 100);
}

}  // namespace winnow
