#include "engine/score/questions.h"

namespace winnow {

uint32_t find_question(std::span<const Question> questions, QuestionKind kind, uint16_t type,
                       std::string_view key) {
  for (uint32_t i = 0; i < questions.size(); ++i) {
    const Question& question = questions[i];
    if (question.kind == kind && question.type == type && question.key == key) return i;
  }
  return kNoIndex;
}

QuestionId append_question(Evidence& evidence, const Question& question, const Answer& answer) {
  evidence.questions.push_back(question);
  evidence.questions.back().key = evidence.slab.copy(question.key);
  evidence.answers.push_back(answer);
  return static_cast<QuestionId>(evidence.questions.size() - 1);
}

const Answer& unknown_answer(UnknownReason reason) {
  constexpr auto kReasons = static_cast<size_t>(UnknownReason::kNotReplayed) + 1;
  static const std::array<Answer, kReasons> kAnswers = [] {
    std::array<Answer, kReasons> answers;
    for (size_t i = 0; i < kReasons; ++i) {
      answers[i].state = AnswerState::kUnknown;
      answers[i].reason = static_cast<UnknownReason>(i);
    }
    return answers;
  }();
  return kAnswers[static_cast<size_t>(reason)];
}

void EvidenceAsker::ask(uint32_t row, QuestionKind kind, uint16_t type, std::string_view key) {
  Evidence& evidence = *out_[row];
  if (find_question(evidence.questions, kind, type, key) != kNoIndex) return;
  if (evidence.questions.size() >= limits_.questions_max) {
    evidence.facts.faults.set(Fault::kLimitQuestions);
    return;
  }
  append_question(evidence, {kind, type, check_, key}, Answer{});
}

}  // namespace winnow
