// A judge by itself: questions are answered from a table, round by round, as the flow does it.
#pragma once

#include <fmt/format.h>

#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/score/questions.h"
#include "pipeline/lookup/table.h"

namespace winnow {

class Asking final : public Judgement {
 public:
  explicit Asking(std::vector<TableRecord> records, Absent absent = Absent::kNxDomain)
      : table(absent) {
    for (const TableRecord& record : records) {
      const Result<void> added = table.add(record);
      if (!added) throw std::runtime_error(added.error().text());
    }
  }

  void insert(SymbolId symbol, double, std::string_view option) override {
    inserted.push_back(fmt::format("{}({})", index(symbol), option));
  }
  void pre_result(const PreResult& result) override { pre_results.push_back(result); }
  void edit(const Edit&) override {}
  void effect(const Effect&) override {}
  bool has_symbol(SymbolId symbol) const override { return present.contains(index(symbol)); }
  std::string_view option(SymbolId symbol, uint32_t which) const override {
    const auto at = present.find(index(symbol));
    return at != present.end() && which < at->second.size() ? at->second[which]
                                                            : std::string_view();
  }
  const Answer* ask(QuestionKind kind, uint16_t type, std::string_view key) override {
    uint32_t at = find_question(evidence.questions, kind, type, key);
    if (at == kNoIndex)
      at = index(append_question(evidence, {.kind = kind, .type = type, .key = key}, {}));
    const Answer& answer = evidence.answers[at];
    return answer.state == AnswerState::kOpen ? nullptr : &answer;
  }

  // Calls `step` until it no longer waits; returns what it returned. `rounds` counts the calls.
  template <class F>
  auto run(F step) {
    for (rounds = 1;; ++rounds) {
      inserted.clear();
      pre_results.clear();
      auto result = step();
      if (!result.waiting || rounds > 500) return result;
      table.answer_open(evidence);
    }
  }
  std::string questions() const {
    std::string out;
    for (const Question& question : evidence.questions)
      out += fmt::format("{}{} {}", out.empty() ? "" : ", ", dns_type_name(question.type),
                         question.key);
    return out;
  }

  Evidence evidence;
  AnswerTable table;
  std::vector<std::string> inserted;
  std::vector<PreResult> pre_results;
  std::map<uint32_t, std::vector<std::string>> present;  // symbols of earlier levels
  int rounds = 0;
};

}  // namespace winnow
