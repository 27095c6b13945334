// Who answers a case's questions: the table of the configuration (options { dns { fake_records }}),
// and for the rest the network, where there is one.
#pragma once

#include <memory>

#include "pipeline/lookup/lookup.h"
#include "pipeline/lookup/table.h"
#include "pipeline/run.h"

namespace winnow {

class TableAnswers final : public Answerer {
 public:
  // Records that do not parse are left out; `warn` is told why. Without `lookup` nobody is asked:
  // where the table says nothing a name does not exist (as Rspamd's tests expect), and without a
  // table all is unknown, never none.
  explicit TableAnswers(const RuleSet& rules, const std::function<void(std::string)>& warn = {},
                        std::shared_ptr<Lookup> lookup = nullptr)
      : lookup_(std::move(lookup)),
        table_(rules.fake_records.empty() || lookup_ ? Absent::kUnknown : Absent::kNxDomain) {
    for (const FakeRecord& record : rules.fake_records) {
      Result<void> added = table_.add({.name = record.name,
                                       .type = record.type,
                                       .replies = record.replies,
                                       .rcode = record.rcode});
      if (!added && warn) warn(added.error().text());
    }
  }
  void answer(Evidence& evidence) const override { table_.answer_open(evidence); }
  const Lookup* lookup() const override { return lookup_.get(); }
  bool waits() const override { return lookup_ != nullptr; }
  bool ask(Evidence& evidence, Deadline deadline, Ready ready) const override {
    if (!lookup_) {
      answer(evidence);
      return true;
    }
    if (!table_.empty()) answer_known(evidence);
    return lookup_->ask(evidence, deadline, std::move(ready));
  }
  uint32_t silent() const override { return ~0u & ~(table_.empty() && !lookup_ ? 0u : kDns); }

 private:
  static constexpr uint32_t kDns = 1u << static_cast<uint32_t>(QuestionKind::kDns);

  // What the table holds; the rest stays open.
  void answer_known(Evidence& evidence) const {
    for (size_t i = 0; i < evidence.answers.size(); ++i) {
      if (evidence.answers[i].state != AnswerState::kOpen) continue;
      const Answer answer = table_.answer(evidence.questions[i], evidence.slab);
      if (answer.reason != UnknownReason::kNoTable) evidence.answers[i] = answer;
    }
  }

  const std::shared_ptr<Lookup> lookup_;
  AnswerTable table_;
};

}  // namespace winnow
