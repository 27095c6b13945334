// Who answers a case's questions, one kind after the other: token counts come from the site's
// statistics, signing keys and spam traps from where they are stored, calls to mail servers are
// made, takes are carried out; then the table of the configuration (options { dns { fake_records
// }}) answers, and for the rest the network, where there is one. Each waits by itself; usually only
// one of them has something open.
#pragma once

#include <memory>

#include "pipeline/exports/exporter.h"
#include "pipeline/learn/site_statistics.h"
#include "pipeline/lookup/greylist.h"
#include "pipeline/lookup/lookup.h"
#include "pipeline/lookup/mx_probes.h"
#include "pipeline/lookup/stored_keys.h"
#include "pipeline/lookup/stored_traps.h"
#include "pipeline/lookup/table.h"
#include "pipeline/run.h"

namespace winnow {

// Each may be null: then nobody answers such questions.
struct AnswerSources {
  std::shared_ptr<Lookup> lookup = nullptr;
  std::shared_ptr<const SiteStatistics> statistics = nullptr;
  std::shared_ptr<MxProbes> probes = nullptr;
  std::shared_ptr<StoredKeys> keys = nullptr;
  std::shared_ptr<StoredTraps> traps = nullptr;
  std::shared_ptr<Greylist> greylist = nullptr;
  std::shared_ptr<Exporter> exporter = nullptr;
};

class TableAnswers final : public Answerer {
 public:
  // Records that do not parse are left out; `warn` is told why. Without a lookup nobody is asked:
  // where the table says nothing a name does not exist (as Rspamd's tests expect), and without a
  // table all is unknown, never none.
  explicit TableAnswers(const RuleSet& rules, const std::function<void(std::string)>& warn = {},
                        AnswerSources sources = {})
      : from_(std::move(sources)),
        model_(rules.model),
        exports_(find_exports(rules)),
        table_(rules.fake_records.empty() || from_.lookup ? Absent::kUnknown : Absent::kNxDomain) {
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
                  [this](const TokenList& tokens) { return from_.statistics->counts(tokens); });
    table_.answer_open(evidence);
  }
  const Lookup* lookup() const override { return from_.lookup.get(); }
  const SigningKeys* signing_keys() const override { return from_.keys.get(); }
  const Exporter* exporter() const override { return from_.exporter.get(); }
  bool wants_verdict(const Evidence& evidence) const override {
    return from_.exporter && exports_ && Exporter::has_open(evidence);
  }
  bool ask_about(Case& one, Deadline deadline, Ready ready) const override {
    return from_.exporter->ask(*exports_, model_, one, deadline,
                               next(Step::kCounts, one.evidence, deadline, ready)) &&
           ask_from(Step::kCounts, one.evidence, deadline, std::move(ready));
  }
  bool waits() const override {
    return from_.lookup || (from_.exporter && exports_) || from_.probes || from_.keys ||
           from_.traps || from_.greylist || (from_.statistics && from_.statistics->waits());
  }
  bool ask(Evidence& evidence, Deadline deadline, Ready ready) const override {
    if (!waits()) {
      answer(evidence);
      return true;
    }
    return ask_from(Step::kCounts, evidence, deadline, std::move(ready));
  }
  uint32_t silent() const override {
    return ~((table_.empty() && !from_.lookup ? 0u : bit(QuestionKind::kDns)) |
             (from_.statistics ? bit(QuestionKind::kStore) : 0u) |
             (from_.probes ? bit(QuestionKind::kDialog) : 0u) |
             (from_.greylist ? bit(QuestionKind::kTake) : 0u));
  }

 private:
  enum class Step : uint8_t { kCounts, kKeys, kTraps, kCalls, kTakes, kNames };
  static constexpr uint32_t bit(QuestionKind kind) { return 1u << static_cast<uint32_t>(kind); }

  // What goes on from `then`. What is open at the deadline stays so, for whoever judges to say.
  Ready next(Step then, Evidence& evidence, Deadline deadline, const Ready& ready) const {
    return [this, &evidence, deadline, ready, then] {
      if (std::chrono::steady_clock::now() >= deadline || ask_from(then, evidence, deadline, ready))
        ready();
    };
  }

  // Goes on from `step`; true where all is answered.
  bool ask_from(Step step, Evidence& evidence, Deadline deadline, Ready ready) const {
    const auto next = [&](Step then) { return this->next(then, evidence, deadline, ready); };
    switch (step) {
      case Step::kCounts:
        if (from_.statistics && !ask_counts(evidence, next(Step::kKeys))) return false;
        [[fallthrough]];
      case Step::kKeys:
        if (from_.keys && !from_.keys->ask(evidence, next(Step::kTraps))) return false;
        [[fallthrough]];
      case Step::kTraps:
        if (from_.traps && !from_.traps->ask(evidence, next(Step::kCalls))) return false;
        [[fallthrough]];
      case Step::kCalls:
        if (from_.probes && MxProbes::has_open(evidence) &&
            !from_.probes->ask(evidence, deadline, next(Step::kTakes)))
          return false;
        [[fallthrough]];
      case Step::kTakes:
        if (from_.greylist && !from_.greylist->ask(evidence, next(Step::kNames))) return false;
        [[fallthrough]];
      case Step::kNames:
        break;
    }
    if (!from_.lookup) {
      table_.answer_open(evidence);
      return true;
    }
    if (!table_.empty()) answer_known(evidence);
    return from_.lookup->ask(evidence, deadline, std::move(ready));
  }

  // Token counts; false where `then` is called later. REQUIRED: there are statistics.
  bool ask_counts(Evidence& evidence, Ready then) const {
    if (!from_.statistics->waits()) {
      answer_counts(evidence,
                    [this](const TokenList& tokens) { return from_.statistics->counts(tokens); });
      return true;
    }
    TokenList tokens;
    const Question* const question = open_counts(evidence, tokens);
    if (!question) return true;
    if (std::optional<TokenCounts> there = from_.statistics->counts_at_hand(tokens)) {
      answer_counts(evidence, [&](const TokenList&) -> Result<TokenCounts> { return *there; });
      return true;
    }
    from_.statistics->ask_counts(
        std::move(tokens), [this, &evidence, then = std::move(then)](Result<TokenCounts>&& counts) {
          answer_counts(evidence, [&](const TokenList&) { return std::move(counts); });
          then();
        });
    return false;
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
    if (!from_.statistics) return;
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

  const AnswerSources from_;
  const ScoreModel& model_;
  const ExportPlan* const exports_;  // null: none
  AnswerTable table_;
};

}  // namespace winnow
