// Answers questions from the table that the configuration holds (dns { fake_records }): what scan,
// corpus work and replay use. Everything that is not in the table is unknown, never none.
#pragma once

#include "pipeline/lookup/table.h"
#include "pipeline/run.h"

namespace winnow {

class TableAnswers final : public Answerer {
 public:
  // Records that do not parse are left out; `warn` is told why.
  explicit TableAnswers(const RuleSet& rules, const std::function<void(std::string)>& warn = {})
      : table_(rules.fake_records.empty() ? Absent::kUnknown : Absent::kNxDomain) {
    for (const FakeRecord& record : rules.fake_records) {
      Result<void> added = table_.add({.name = record.name,
                                       .type = record.type,
                                       .replies = record.replies,
                                       .rcode = record.rcode});
      if (!added && warn) warn(added.error().text());
    }
  }
  void answer(Evidence& evidence) const override { table_.answer_open(evidence); }
  uint32_t silent() const override { return ~0u & ~(table_.empty() ? 0u : kDns); }

 private:
  static constexpr uint32_t kDns = 1u << static_cast<uint32_t>(QuestionKind::kDns);
  AnswerTable table_;
};

}  // namespace winnow
