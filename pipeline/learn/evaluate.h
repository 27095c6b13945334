// Classify, then learn: what the classifier would have said of each message of a log before it was
// learnt. So a model that got worse is seen before it is used, and two ways to combine are
// compared.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "engine/classify/bayes.h"
#include "pipeline/learn/record.h"

namespace winnow {

class Evaluation {
 public:
  Evaluation(const BayesOptions& options, Tokenizer tokenizer)
      : options_(options), tokenizer_(tokenizer) {}

  // The opinion of a record's message before it; then the record is learnt. Records of another
  // tokenizer are passed over.
  Opinion next(const LearnRecord& record);
  // How many were judged, how many of them wrongly, and 1-ROCA in per cent.
  std::string summary() const;

 private:
  struct Class {
    LearnLabel label;
    std::vector<uint64_t> hashes;
  };
  struct Scope {
    LearnCount learns;
    std::unordered_map<uint64_t, TokenCount> counts;
    std::map<LearnDigest, Class> learnt;
  };
  void take_over(const LearnRecord& record);
  static void count(Scope& scope, const Class& what, int delta);

  const BayesOptions options_;
  const Tokenizer tokenizer_;
  std::map<uint64_t, Scope> scopes_;
  OpinionScratch scratch_;
  std::vector<double> spam_, ham_;  // odds of what was judged
  uint64_t unknown_ = 0;
};

// 100 × the chance that a message of `ham` has higher odds than one of `spam`; equal counts half.
double one_minus_roca(std::vector<double> spam, std::vector<double> ham);

}  // namespace winnow
