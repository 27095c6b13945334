// From a message to a record of the learning log: the same stages as a scan, asked of nobody. What
// is learnt is the question that the classifier would ask.
#pragma once

#include <memory>

#include "pipeline/case.h"
#include "pipeline/learn/record.h"
#include "pipeline/run.h"

namespace winnow {

class Examiner {
 public:
  explicit Examiner(std::shared_ptr<const RuleSet> rules) : rules_(std::move(rules)) {}
  // False where the configuration has the classifier off.
  bool can_learn() const;
  // Lets token questions be asked, and answers all as unknown.
  const Answerer& answerer() const { return answerer_; }
  static RunOptions run_options();

 private:
  class Nobody final : public Answerer {
   public:
    void answer(Evidence& evidence) const override;
    uint32_t silent() const override {
      return ~(1u << static_cast<uint32_t>(QuestionKind::kStore));
    }
  };
  const std::shared_ptr<const RuleSet> rules_;
  const Nobody answerer_;
};

// Tokens, digest, scope and symbols of a case; label, time and who are the caller's. False where it
// has no tokens. REQUIRED: the run had the digest and token questions.
bool learn_record(const RuleSet& rules, const Case& one, LearnRecord& out);

}  // namespace winnow
