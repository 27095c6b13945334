// The statistical classifier, as `classifier "bayes"` of the configuration sets it up. What it asks
// (a message's tokens) is also what is learnt of a message, so both stand in one question.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/classify/bayes.h"
#include "engine/classify/osb.h"
#include "rules/checks/check.h"

namespace winnow {

struct RuleSet;

struct BayesPlan final : CheckPlan {
  Tokenizer tokenizer = Tokenizer::kWinnow;
  OsbOptions osb;
  BayesOptions bayes;
  bool per_user = false;
  struct Autolearn {
    bool on = false;
    std::optional<Micro> spam;  // from this score on; nothing: over the reject threshold
    Micro ham = 0;              // up to this score
    bool strict = true;         // below it, and not at it
    bool check_balance = false;
    double min_balance = 0.9;
  } autolearn;
  SymbolId spam = kNoId<SymbolId>, ham = kNoId<SymbolId>;
};

// The plan of a rule set; null where the classifier is off.
const BayesPlan* find_bayes(const RuleSet& rules);

// The question of a case that holds its tokens; null where it has none.
const Question* token_question(const Evidence& evidence);

// TokenList::scope of a user's own statistics: the same whatever the case of letters; never 0.
uint64_t statistics_scope(std::string_view user);

}  // namespace winnow
