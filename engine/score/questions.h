// One message's questions: found, added, never doubled, never more than questions_max (and the few
// takes that a site configures, which only judges ask).
#pragma once

#include <array>
#include <span>

#include "engine/evidence.h"
#include "engine/limits.h"
#include "engine/score/judgement.h"

namespace winnow {

// Index of the same question (kind, type, key); kNoIndex where it has not been asked.
uint32_t find_question(std::span<const Question> questions, QuestionKind kind, uint16_t type,
                       std::string_view key);

// Appends a question with its answer; the key is copied into the slab. REQUIRED: it is new.
QuestionId append_question(Evidence& evidence, const Question& question, const Answer& answer);

// An unknown answer of static storage duration.
const Answer& unknown_answer(UnknownReason reason);

// Takes the questions of checks while the batch is still there, straight into sealed evidence
// (out[row]). Over questions_max the fault is set and the question is dropped.
class EvidenceAsker final : public Asker {
 public:
  EvidenceAsker(const Limits& limits, std::span<Evidence* const> out)
      : limits_(limits), out_(out) {}
  void begin_check(CheckId check) { check_ = check; }
  void ask(uint32_t row, QuestionKind kind, uint16_t type, std::string_view key) override;

 private:
  const Limits& limits_;
  std::span<Evidence* const> out_;
  CheckId check_ = kNoId<CheckId>;
};

}  // namespace winnow
