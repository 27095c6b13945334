#include "pipeline/learn/autolearn.h"

#include <fmt/format.h>

#include "rules/checks/learned/bayes.h"

namespace winnow {

namespace {

// Of the answer that the classifier judged by; nothing where there was none.
std::optional<TokenCounts> learnt_so_far(const Evidence& evidence) {
  const Question* const question = token_question(evidence);
  if (!question) return std::nullopt;
  const auto& answer = evidence.answers[static_cast<size_t>(question - evidence.questions.data())];
  TokenList tokens;
  TokenCounts counts;
  if (answer.state != AnswerState::kValue || answer.values.empty() ||
      !read_token_question(question->key, tokens) ||
      !read_token_answer(answer.values[0], tokens, counts))
    return std::nullopt;
  return counts;
}

// The one class whose range of scores this is; nothing where it is of none, or of several.
const BayesPlan::Class* class_of_score(const BayesPlan& plan, Micro score) {
  const BayesPlan::Class* found = nullptr;
  for (const auto& range : plan.autolearn.classes) {
    if (score < range.from || score > range.to) continue;
    if (found) return nullptr;
    found = plan.find(range.name);
  }
  return found;
}

// Spam or ham, by the scores of the two; nothing where it is neither, or the site has no such
// class.
const BayesPlan::Class* spam_or_ham(const BayesPlan& plan, Micro score, Micro required) {
  const BayesPlan::Autolearn& when = plan.autolearn;
  const Micro spam_from = when.spam ? *when.spam : required;
  const bool spam = when.spam ? score >= spam_from : score > spam_from;
  const bool ham = when.strict ? score < when.ham : score <= when.ham;
  if (spam == ham || (spam && spam_from == kNoThreshold)) return nullptr;
  return plan.find(spam ? "spam" : "ham");
}

// Spam that there is too much of already, or ham.
bool is_too_many(const BayesPlan& plan, const TokenCounts& learnt, std::string_view name) {
  const BayesPlan::Class *const spam = plan.find("spam"), *const ham = plan.find("ham");
  if (!plan.autolearn.check_balance || !spam || !ham || (name != "spam" && name != "ham"))
    return false;
  const auto learnt_of = [&](const BayesPlan::Class* one) {
    return static_cast<double>(learnt.learnt(static_cast<size_t>(one - plan.classes.data())));
  };
  const double more = learnt_of(name == "spam" ? spam : ham);
  const double less = learnt_of(name == "spam" ? ham : spam);
  return more / (less + 1) > 1 / plan.autolearn.min_balance;
}

}  // namespace

std::optional<LearnLabel> autolearn_as(const RuleSet& rules, const Case& one) {
  const BayesPlan* const plan = find_bayes(rules);
  if (!plan || !plan->autolearn.on || !one.verdict.pre_results.empty() ||
      one.verdict.cut_by_deadline)
    return std::nullopt;
  const std::optional<TokenCounts> learnt = learnt_so_far(one.evidence);
  if (!learnt) return std::nullopt;
  Micro score = one.verdict.score;
  for (const VerdictSymbol& symbol : one.verdict.symbols)
    if (plan->is_symbol(symbol.symbol) && !symbol.removed && !symbol.weight_removed)
      score -= symbol.score;
  const BayesPlan::Class* const as = plan->autolearn.classes.empty()
                                         ? spam_or_ham(*plan, score, one.verdict.required)
                                         : class_of_score(*plan, score);
  if (!as || is_too_many(*plan, *learnt, as->name)) return std::nullopt;
  // What says so already needs no teaching.
  for (const VerdictSymbol& symbol : one.verdict.symbols)
    if (symbol.symbol == as->symbol) return std::nullopt;
  return LearnLabel::of(as->name);
}

std::string learn_denied(const RuleSet& rules, const Case& one, LearnLabel label) {
  const BayesPlan* const plan = find_bayes(rules);
  if (!plan || plan->learn_below <= 0) return "";
  const ClassOpinion opinion = bayes_opinion(*plan, one.evidence);
  const double sure = opinion.probability;
  if (!opinion.known || sure < plan->learn_below ||
      plan->classes[opinion.best].name != label.name())
    return "";
  return fmt::format("already in class {}; probability {:.2f}%", label.name(), sure * 100);
}

}  // namespace winnow
