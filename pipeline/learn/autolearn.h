// Learning without a user: mail that is clear without the classifier teaches it, and mail of which
// a check says what it is (spamtrap).
//
// The condition sees the score without the classifier's own symbols, unlike Rspamd's: else a filter
// learns its own errors (tests/peer/differences.md).
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/case.h"
#include "pipeline/learn/record.h"
#include "rules/compile/rule_set.h"

namespace winnow {

// As what a judged message is to be learnt; nothing where it is not clear, was decided by somebody
// else (a pre-result), is known as such already, or would make one class too large (check_balance).
std::optional<LearnLabel> autolearn_as(const RuleSet& rules, const Case& one);

// "8 < 11" where a message has fewer tokens than the classifier judges by: Rspamd 3.4 learns
// nothing of it. Empty: it has enough.
std::string too_few_tokens(const RuleSet& rules, const LearnRecord& record);

// Headers of a request, names in lower case.
using RequestHeaders = std::vector<std::pair<std::string, std::string>>;

// Why a message that is to be learnt as `label` is not, by learn_condition: it is of that class
// already, or the request forbids it.
struct LearnDenial {
  std::string why = {};       // empty: it may be learnt
  bool unless_moved = false;  // what was learnt as another class may be learnt all the same
};
LearnDenial learn_denied(const RuleSet& rules, const Case& one, LearnLabel label,
                         const RequestHeaders& headers);

// What a judged message is to be learnt as beside its answer.
struct Lesson {
  LearnLabel label;
  std::string who = {};     // as records name it: "autolearn", or the check that wants it learnt
  bool is_wanted = false;   // by a check
  LearnDenial denied = {};  // of what is wanted
};
// What a check wants (EffectKind::kLearn: key is the class, value who wants it), of mail on its way
// alone; else what autolearn says. Nothing where the site has no such class.
std::optional<Lesson> lesson_of(const RuleSet& rules, const Case& one, bool is_mail);

}  // namespace winnow
