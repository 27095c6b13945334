#include "pipeline/learn/examine.h"

#include <algorithm>

#include "rules/checks/learned/bayes.h"

namespace winnow {

void Examiner::Nobody::answer(Evidence& evidence) const {
  for (Answer& answer : evidence.answers)
    if (answer.state == AnswerState::kOpen)
      answer = {.state = AnswerState::kUnknown, .reason = UnknownReason::kNoTable};
}

bool Examiner::can_learn() const { return find_bayes(*rules_) != nullptr; }

RunOptions Examiner::run_options() {
  RunOptions options;
  options.digest = true;
  return options;
}

bool learn_record(const RuleSet& rules, const Case& one, LearnRecord& out) {
  const Question* const question = token_question(one.evidence);
  TokenList tokens;
  if (!question || !read_token_question(question->key, tokens)) return false;
  out.tokenizer = tokens.tokenizer;
  out.scope = tokens.scope;
  // What is learnt has one class, whichever others were asked for.
  tokens.classes.clear();
  out.tokens.clear();
  append_token_question(tokens, out.tokens);
  std::ranges::copy(one.evidence.facts.digest, out.digest.begin());
  out.symbols.clear();
  for (const auto& symbol : one.verdict.symbols) {
    if (!out.symbols.empty()) out.symbols += ' ';
    out.symbols += rules.model.symbols[index(symbol.symbol)].name;
  }
  return true;
}

}  // namespace winnow
