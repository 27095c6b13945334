// Who answers a case's questions: the table of the configuration (options { dns { fake_records }}),
// and for the rest the network, where there is one. Token counts come from the site's statistics.
#pragma once

#include <memory>

#include "pipeline/learn/site_statistics.h"
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
                        std::shared_ptr<Lookup> lookup = nullptr,
                        std::shared_ptr<const SiteStatistics> statistics = nullptr)
      : lookup_(std::move(lookup)),
        statistics_(std::move(statistics)),
        table_(rules.fake_records.empty() || lookup_ ? Absent::kUnknown : Absent::kNxDomain) {
    for (const FakeRecord& record : rules.fake_records) {
      Result<void> added = table_.add({.name = record.name,
                                       .type = record.type,
                                       .replies = record.replies,
                                       .rcode = record.rcode});
      if (!added && warn) warn(added.error().text());
    }
  }
  void answer(Evidence& evidence) const override {
    answer_counts(evidence,
                  [this](const TokenList& tokens) { return statistics_->counts(tokens); });
    table_.answer_open(evidence);
  }
  const Lookup* lookup() const override { return lookup_.get(); }
  bool waits() const override { return lookup_ || (statistics_ && statistics_->waits()); }
  bool ask(Evidence& evidence, Deadline deadline, Ready ready) const override {
    if (!waits()) {
      answer(evidence);
      return true;
    }
    if (!statistics_ || !statistics_->waits()) {
      answer_counts(evidence,
                    [this](const TokenList& tokens) { return statistics_->counts(tokens); });
      return ask_others(evidence, deadline, std::move(ready));
    }
    // Token counts first, then the others: they are the quicker ones by far.
    TokenList tokens;
    const Question* const question = open_counts(evidence, tokens);
    if (!question) return ask_others(evidence, deadline, std::move(ready));
    if (std::optional<TokenCounts> there = statistics_->counts_at_hand(tokens)) {
      answer_counts(evidence, [&](const TokenList&) -> Result<TokenCounts> { return *there; });
      return ask_others(evidence, deadline, std::move(ready));
    }
    statistics_->ask_counts(
        std::move(tokens), [this, &evidence, deadline, ready](Result<TokenCounts>&& counts) {
          answer_counts(evidence, [&](const TokenList&) { return std::move(counts); });
          if (ask_others(evidence, deadline, ready)) ready();
        });
    return false;
  }
  uint32_t silent() const override {
    return ~((table_.empty() && !lookup_ ? 0u : kDns) | (statistics_ ? kStore : 0u));
  }

 private:
  static constexpr uint32_t kDns = 1u << static_cast<uint32_t>(QuestionKind::kDns);
  static constexpr uint32_t kStore = 1u << static_cast<uint32_t>(QuestionKind::kStore);

  bool ask_others(Evidence& evidence, Deadline deadline, Ready ready) const {
    if (!lookup_) {
      table_.answer_open(evidence);
      return true;
    }
    if (!table_.empty()) answer_known(evidence);
    return lookup_->ask(evidence, deadline, std::move(ready));
  }

  // The one question of token counts that a message has, where it is open and can be read.
  static const Question* open_counts(const Evidence& evidence, TokenList& tokens) {
    for (size_t i = 0; i < evidence.questions.size(); ++i) {
      const Question& question = evidence.questions[i];
      if (evidence.answers[i].state == AnswerState::kOpen &&
          question.kind == QuestionKind::kStore && question.type == kTokenCounts &&
          read_token_question(question.key, tokens))
        return &question;
    }
    return nullptr;
  }

  // What the statistics know of a message's tokens. Where they cannot be read it is unknown.
  template <class Counts>
  void answer_counts(Evidence& evidence, const Counts& counts_of) const {
    if (!statistics_) return;
    for (size_t i = 0; i < evidence.questions.size(); ++i) {
      const Question& question = evidence.questions[i];
      Answer& answer = evidence.answers[i];
      if (answer.state != AnswerState::kOpen || question.kind != QuestionKind::kStore ||
          question.type != kTokenCounts)
        continue;
      TokenList tokens;
      answer = {.state = AnswerState::kUnknown, .reason = UnknownReason::kBroken};
      if (!read_token_question(question.key, tokens)) continue;
      const Result<TokenCounts> counts = counts_of(tokens);
      answer.reason = UnknownReason::kServerFailure;
      if (!counts) continue;
      std::string bytes;
      append_token_answer(*counts, bytes);
      const std::span<std::string_view> values = evidence.slab.alloc<std::string_view>(1);
      values[0] = evidence.slab.copy(bytes);
      answer = {.state = AnswerState::kValue, .values = values};
    }
  }

  // What the table holds; the rest stays open.
  void answer_known(Evidence& evidence) const {
    for (size_t i = 0; i < evidence.answers.size(); ++i) {
      if (evidence.answers[i].state != AnswerState::kOpen) continue;
      const Answer answer = table_.answer(evidence.questions[i], evidence.slab);
      if (answer.reason != UnknownReason::kNoTable) evidence.answers[i] = answer;
    }
  }

  const std::shared_ptr<Lookup> lookup_;
  const std::shared_ptr<const SiteStatistics> statistics_;
  AnswerTable table_;
};

}  // namespace winnow
