// A message of a test, through the whole chain of stages.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "pipeline/lookup/answers.h"
#include "pipeline/worker.h"

namespace winnow {

inline std::unique_ptr<Case> judged(const std::shared_ptr<const RuleSet>& rules, Message message,
                                    const Answerer& answers) {
  const Run run(rules, answers, {.now_ms = 1'792'575'000'000});
  Worker worker(run);
  auto one = std::make_unique<Case>();
  run.compute(worker, {&message, 1}, {&one, 1});
  one->message = std::move(message);
  run.conclude(worker, *one);
  return one;
}
inline std::unique_ptr<Case> judged(const std::shared_ptr<const RuleSet>& rules, Message message) {
  return judged(rules, std::move(message), TableAnswers(*rules));
}

// "NAME[option]" of the symbol; empty where it was not inserted.
inline std::string found(const RuleSet& rules, const Case& one, std::string_view name) {
  for (const VerdictSymbol& symbol : one.verdict.symbols) {
    if (rules.model.symbols[index(symbol.symbol)].name != name) continue;
    std::string out(name);
    for (const std::string_view option : symbol.options) out += "[" + std::string(option) + "]";
    return out;
  }
  return "";
}

}  // namespace winnow
