// Canaries: messages whose class is certain and of which nothing is learnt, so that they can tell
// whether a model has become worse. They are a learning log of their own, FOLDER/canaries.log,
// beside the statistics of a folder.
//
// Who learns much at once asks what they would say of the model with it, before it is learnt
// (`winnow learn`); a service looks now and then, and says when they judge worse than before.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/classify/bayes.h"
#include "pipeline/learn/statistics.h"

namespace winnow {

std::string canaries_path(const std::string& folder);

// Takes messages among the canaries, each once; what was learnt of them is forgotten. Returns how
// many are new. REQUIRED: records of messages, with their tokens.
Result<uint64_t> add_canaries(TokenStatistics& statistics, const std::string& folder,
                              std::span<const LearnRecord> records);

class Canaries {
 public:
  struct Verdict {
    uint64_t spam = 0, spam_wrong = 0, ham = 0, ham_wrong = 0;
    uint64_t unknown = 0;       // of which too little is known
    double one_minus_roca = 0;  // per cent

    std::string text() const;
    // More of them are wrong, or the order of them is worse, than chance makes it.
    bool is_worse_than(const Verdict& before) const;
  };
  using Counts = std::function<Result<std::vector<TokenCounts>>(std::span<const TokenList>)>;

  // Those of one tokenizer; without any, size() is 0. Errors: a log that cannot be read.
  static Result<Canaries> open(const std::string& folder, const BayesOptions& options,
                               Tokenizer tokenizer);
  size_t size() const { return tokens_.size(); }
  // What a model that has these counts says of them.
  Result<Verdict> judge(const Counts& counts) const;

 private:
  BayesOptions options_;
  std::vector<TokenList> tokens_;
  std::vector<LearnLabel> labels_;
};

// The counts as they are, and as they would be once `records` are learnt.
Canaries::Counts counts_now(const SiteStatistics& statistics);
Canaries::Counts counts_with(const TokenStatistics& statistics,
                             std::span<const LearnRecord> records);

// Looks at the canaries after every so many learnt messages. Not thread-safe.
class CanaryWatch {
 public:
  static constexpr uint64_t kEvery = 100;  // messages

  CanaryWatch(Canaries canaries, std::shared_ptr<const SiteStatistics> statistics);
  // Of what was learnt since the last call; says what is wrong, or nothing.
  std::string learnt(uint64_t messages);

 private:
  const Canaries canaries_;
  const std::shared_ptr<const SiteStatistics> statistics_;
  std::optional<Canaries::Verdict> before_;
  uint64_t since_ = 0;
};

}  // namespace winnow
