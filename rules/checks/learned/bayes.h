// The statistical classifier, as `classifier "bayes"` of the configuration sets it up. What it asks
// (a message's tokens) is also what is learnt of a message, so both stand in one question.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/classify/bayes.h"
#include "engine/classify/osb.h"
#include "rules/checks/check.h"
#include "rules/checks/learned/learn_options.h"

namespace winnow {

class UclObject;
struct RuleSet;

// Where in Redis a site's statistics are, as Rspamd lays them out
// (pipeline/learn/redis_statistics.h).
struct RedisLayout {
  std::string prefix = "%s%l";  // %s: RS; %l: the label of the statfiles; %r, %u: the user
  std::string label;
  struct Class {
    std::string name, symbol;
    std::string field;  // of a token's key, with how often the class had it: S, H or its label
    // Of KEY, with the learnt messages.
    std::string learns_field() const;
  };
  std::vector<Class> classes = {{"spam", "", "S"}, {"ham", "", "H"}};
  std::string ids = "learned_ids";
  uint32_t ids_max = 10'000;  // learnt messages a key of ids
  uint32_t ids_keys = 5;      // further keys of ids
  uint32_t ids_chars = 32;    // of a learn id, as 4.1 cuts it
  uint32_t fresh_s = 60;      // so long what others learn may be unseen
  int64_t expire_s = 0;       // life of a token that nothing was learnt of; 0: for ever; below 0:
                              // what had an end has none any more
};

struct BayesPlan final : CheckPlan {
  std::string name = "bayes";
  Tokenizer tokenizer = Tokenizer::kWinnow;
  OsbOptions osb;
  BayesOptions bayes;
  bool per_user = false;
  std::optional<RedisLayout> redis;  // backend = "redis"; nothing: a folder
  Autolearn autolearn;
  LearnGuard guard;
  struct Class {
    std::string name;
    SymbolId symbol;
  };
  std::vector<Class> classes;  // at least two; of spam and ham, spam first

  const Class* find(std::string_view class_name) const;
  std::string class_list() const;         // names for who reads: "spam, ham"
  bool is_symbol(SymbolId symbol) const;  // of any class
  bool only_spam_and_ham() const;
  std::vector<std::string> class_names() const;  // as TokenList::classes has them
};

// The plan of a rule set; null where the classifier is off.
const BayesPlan* find_bayes(const RuleSet& rules);

// `classifier "bayes" { … }` of a configuration; null where there is none.
const UclObject* bayes_section(const UclObject& root);

// What the classifier thinks of a case; not known where nobody was asked, or nobody knew. `best` is
// a number in plan.classes.
ClassOpinion bayes_opinion(const BayesPlan& plan, const Evidence& evidence);

// The question of a case that holds its tokens; null where it has none.
const Question* token_question(const Evidence& evidence);

// TokenList::scope of a user's own statistics: the same whatever the case of letters; never 0.
uint64_t statistics_scope(std::string_view user);

}  // namespace winnow
