// The seam between checks (a floor up) and the judge: phases, what a check may do while it
// judges, and how it asks while content is at hand. The engine calls checks through pointers and
// knows none by name.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/evidence.h"
#include "engine/verdict.h"

namespace winnow {

struct CheckPlan;  // rules/checks/check.h; opaque here

enum class Phase : uint8_t {
  kConnfilter,
  kPrefilter,
  kFilter,
  kClassifier,
  kPostfilter,
  kDecision,  // the score stands, composites are through: what may still force another action
  kIdempotent
};

// Where judges leave what they found. Implemented by engine/score's judge. Texts are copied.
class Judgement {
 public:
  // In phase kIdempotent only symbols that weigh nothing are inserted.
  virtual void insert(SymbolId symbol, double weight, std::string_view option) = 0;
  virtual void pre_result(const PreResult& result) = 0;
  virtual void edit(const Edit& edit) = 0;
  virtual void effect(const Effect& effect) = 0;
  virtual bool has_symbol(SymbolId symbol) const = 0;
  // Option number `which` of an inserted symbol; empty where there is none.
  virtual std::string_view option(SymbolId symbol, uint32_t which) const = 0;
  // The action as it stands. REQUIRED: in phase kDecision, where only its judges change it, or in
  // kIdempotent, where nothing does.
  virtual ActionId action() const { return kNoId<ActionId>; }
  // The answer to a question, asking it if it is new. nullptr = still open: return kWaiting. What
  // is pointed to stays in place while the check judges, however much it asks.
  virtual const Answer* ask(QuestionKind kind, uint16_t type, std::string_view key) = 0;
  // The score, and where an action begins (kNoThreshold: nowhere). REQUIRED: as for action().
  virtual Micro score() const { return 0; }
  virtual Micro threshold(ActionId) const { return kNoThreshold; }

 protected:
  ~Judgement() = default;
};

// For who wants nothing of a check but its questions.
class QuestionsOnly : public Judgement {
 public:
  void insert(SymbolId, double, std::string_view) override {}
  void pre_result(const PreResult&) override {}
  void edit(const Edit&) override {}
  void effect(const Effect&) override {}
  bool has_symbol(SymbolId) const override { return false; }
  std::string_view option(SymbolId, uint32_t) const override { return {}; }

 protected:
  ~QuestionsOnly() = default;
};

// Adds questions before sealing, while content is at hand.
class Asker {
 public:
  virtual void ask(uint32_t row, QuestionKind kind, uint16_t type, std::string_view key) = 0;

 protected:
  ~Asker() = default;
};

}  // namespace winnow
