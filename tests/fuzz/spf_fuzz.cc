// SPF: every TXT answer is the input, or its next line; every other answer exists by turns. The
// judge must end within its limits, and what it asks must be names that DNS can hold.
#include <cstdlib>
#include <string_view>
#include <vector>

#include "engine/score/questions.h"
#include "rules/checks/auth/spf_evaluate.h"

namespace winnow {
namespace {

class Answers final : public QuestionsOnly {
 public:
  explicit Answers(std::string_view text) : text_(text) {}
  const Answer* ask(QuestionKind kind, uint16_t type, std::string_view key) override {
    if (key.empty() || key.size() > DnsName::kBytesMax || key.ends_with('.')) std::abort();
    const uint32_t at = find_question(evidence.questions, kind, type, key);
    if (at != kNoIndex) return &evidence.answers[at];
    if (find_question(asked_, kind, type, key) == kNoIndex)
      asked_.push_back({.kind = kind, .type = type, .key = evidence.slab.copy(key)});
    return nullptr;
  }
  // New questions wait beside the evidence, as in the engine's judge: an answer that was handed out
  // stays where it is until the judge waits.
  void answer_open() {
    for (const Question& question : asked_) append_question(evidence, question, {});
    asked_.clear();
    for (size_t i = 0; i < evidence.questions.size(); ++i) {
      Answer& answer = evidence.answers[i];
      if (answer.state != AnswerState::kOpen) continue;
      answer = {.state = AnswerState::kValue};
      const std::span<std::string_view> value = evidence.slab.alloc<std::string_view>(1);
      switch (evidence.questions[i].type) {
        case rr::kTxt:
          value[0] = next_line();
          break;
        case rr::kMx:
          value[0] = "10 mx.example.";
          break;
        case rr::kPtr:
          value[0] = "client.example.";
          break;
        case rr::kA:
          value[0] = i % 3 ? "198.51.100.1" : "192.0.2.1";
          break;
        default:
          value[0] = "2001:db8::1";
      }
      answer.values = value;
      if (i % 5 == 4) answer = {.state = AnswerState::kNone};
      if (i % 11 == 10) answer = {.state = AnswerState::kUnknown};
    }
  }
  Evidence evidence;

 private:
  std::vector<Question> asked_;
  std::string_view next_line() {
    const size_t end = std::min(text_.find('\n'), text_.size());
    const std::string_view line = text_.substr(0, end);
    if (end < text_.size()) text_.remove_prefix(end + 1);
    return line;
  }
  std::string_view text_;
};

}  // namespace
}  // namespace winnow

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace winnow;
  if (size < 1 || size > 4096) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  Answers answers(text);
  const SpfInput input{parse_ip(data[0] & 1 ? "2001:db8::1" : "192.0.2.1").value(),
                       "some-body.or+other", "sender.example", "helo.example"};
  for (int round = 0; evaluate_spf(input, {.explain = true}, answers).waiting; ++round) {
    // At most two rounds a look-up for its name, one for its record, one for its hosts.
    if (round > 65) std::abort();  // and for an explanation
    answers.answer_open();
  }
  if (answers.evidence.questions.size() > 250) std::abort();
  return 0;
}
