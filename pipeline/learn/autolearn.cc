#include "pipeline/learn/autolearn.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/ascii.h"
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

// Spam or ham, by the scores of the two; empty where it is neither.
std::string_view by_score(const Autolearn& when, Micro score, Micro required) {
  const Micro spam_from = when.spam ? *when.spam : required;
  const bool spam = when.spam ? score >= spam_from : score > spam_from;
  const bool ham = when.strict ? score < when.ham : score <= when.ham;
  if (spam == ham || (spam && spam_from == kNoThreshold)) return "";
  return spam ? "spam" : "ham";
}

// What the message is without the classifier.
struct Bare {
  Micro score = 0;
  std::string_view action;
  size_t positive = 0, negative = 0;  // symbols
};

Bare without_classifier(const BayesPlan& plan, const RuleSet& rules, const Verdict& verdict) {
  Bare out{.score = verdict.score, .action = "no action"};
  bool told = false;
  for (const VerdictSymbol& symbol : verdict.symbols) {
    if (symbol.removed) continue;
    if (!plan.is_symbol(symbol.symbol)) {
      out.positive += symbol.score > 0;
      out.negative += symbol.score < 0;
    } else if (!symbol.weight_removed) {
      out.score -= symbol.score;
      told |= symbol.score != 0;
    }
  }
  if (!told) {
    out.action = rules.model.actions[index(verdict.action)].name;
    return out;
  }
  for (const Action& action : rules.model.actions)  // by rising threshold
    if (action.threshold != kNoThreshold && action.threshold <= out.score &&
        !(action.flags & static_cast<uint8_t>(ActionFlag::kDisabled)))
      out.action = action.name;
  return out;
}

// As Rspamd's lua_verdict: who is clear by more than one sign (facts/bayes.md, "autolearn").
std::string_view by_verdict(const Autolearn& when, const Bare& judged) {
  const bool marked = judged.action == "add header" || judged.action == "rewrite subject";
  if (judged.action == "reject" && judged.positive > 1)
    return when.any_score || judged.score >= *when.spam ? "spam" : "";
  if (marked && judged.positive > 2)
    return when.any_score || (when.junk && judged.score >= *when.junk) ? "spam" : "";
  if (judged.action == "no action" && (judged.score < 0 || judged.negative > 3))
    return when.any_score || judged.score <= when.ham ? "ham" : "";
  return "";
}

bool may_teach(const Autolearn& when, const Envelope& envelope) {
  return !(when.queue_id_needed && envelope.queue_id.empty()) &&
         !(!when.local && envelope.own_ip) && !(!when.authenticated && !envelope.user.empty());
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

// Names of headers are in lower case.
bool has_header(const LearnGuard& guard, const RequestHeaders& headers) {
  const auto same = [&](std::string_view a, std::string_view b) {
    return guard.case_sensitive ? a == b : equal_caseless(a, b);
  };
  return std::ranges::any_of(headers, [&](const auto& header) {
    return header.first == guard.header &&
           std::ranges::any_of(
               guard.values, [&](const std::string& value) { return same(value, header.second); });
  });
}

}  // namespace

std::optional<LearnLabel> autolearn_as(const RuleSet& rules, const Case& one) {
  const BayesPlan* const plan = find_bayes(rules);
  if (!plan || !plan->autolearn.on || !one.verdict.pre_results.empty() ||
      one.verdict.cut_by_deadline)
    return std::nullopt;
  const std::optional<TokenCounts> learnt = learnt_so_far(one.evidence);
  if (!learnt) return std::nullopt;
  const Autolearn& when = plan->autolearn;
  if (!may_teach(when, one.evidence.envelope)) return std::nullopt;
  const Bare judged = without_classifier(*plan, rules, one.verdict);
  const BayesPlan::Class* const as =
      !when.classes.empty()
          ? class_of_score(*plan, judged.score)
          : plan->find(when.by_verdict ? by_verdict(when, judged)
                                       : by_score(when, judged.score, one.verdict.required));
  if (!as || is_too_many(*plan, *learnt, as->name)) return std::nullopt;
  // What says so already needs no teaching.
  for (const VerdictSymbol& symbol : one.verdict.symbols)
    if (symbol.symbol == as->symbol) return std::nullopt;
  return LearnLabel::of(as->name);
}

std::string too_few_tokens(const RuleSet& rules, const LearnRecord& record) {
  const BayesPlan* const plan = find_bayes(rules);
  TokenList tokens;
  if (!plan || !read_token_question(record.tokens, tokens) ||
      tokens.hashes.size() >= plan->bayes.min_tokens)
    return "";
  return fmt::format("{} < {}", tokens.hashes.size(), plan->bayes.min_tokens);
}

LearnDenial learn_denied(const RuleSet& rules, const Case& one, LearnLabel label,
                         const RequestHeaders& headers) {
  const BayesPlan* const plan = find_bayes(rules);
  if (!plan || plan->guard.below <= 0) return {};
  const LearnGuard& guard = plan->guard;
  if (guard.by_header && has_header(guard, headers))
    return {.why = guard.then == LearnGuard::Then::kDeny ? guard.denied : ""};
  const ClassOpinion opinion = bayes_opinion(*plan, one.evidence);
  LearnDenial out{.unless_moved = guard.spares_moves};
  const double sure = opinion.probability;
  if (!opinion.known)
    out.why = guard.needs_opinion ? guard.no_opinion : "";
  else if (sure >= guard.below && plan->classes[opinion.best].name == label.name())
    out.why = fmt::format("already in class {}; probability {:.2f}%", label.name(), sure * 100);
  return out;
}

std::optional<Lesson> lesson_of(const RuleSet& rules, const Case& one, bool is_mail) {
  const auto wanted = std::ranges::find(one.verdict.effects, EffectKind::kLearn, &Effect::kind);
  if (wanted == one.verdict.effects.end() || !is_mail) {
    const std::optional<LearnLabel> label = autolearn_as(rules, one);
    if (!label) return std::nullopt;
    return Lesson{.label = *label, .who = "autolearn"};
  }
  const BayesPlan* const plan = find_bayes(rules);
  const std::optional<LearnLabel> label = LearnLabel::of(wanted->key);
  if (!plan || !label || !plan->find(wanted->key)) return std::nullopt;
  return Lesson{.label = *label,
                .who = wanted->value,
                .is_wanted = true,
                .denied = learn_denied(rules, one, *label, {})};
}

}  // namespace winnow
