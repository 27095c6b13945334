// What Winnow says of a message, and why. Made by judging evidence (engine/score); rendered by
// the front ends. Views point into the evidence's slab or the rule set.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/evidence.h"

namespace winnow {

// Micro-points: 1.0 of a score is 1'000'000. Sums are exact; printed as Rspamd prints ("%.2f").
using Micro = int64_t;
constexpr Micro kMicro = 1'000'000;

struct VerdictSymbol {
  SymbolId symbol;
  Micro score = 0;         // what it added, after one-shot, caps and composites
  Micro score_before = 0;  // before caps and composites
  double weight = 1;       // dynamic weight of the deciding insertion
  uint32_t shots = 0;      // insertions
  bool removed = false;    // a composite took it out of the result
  bool weight_removed = false;
  SymbolId removed_by = kNoId<SymbolId>;
  Where where = {};                                // of the first insertion
  std::span<const std::string_view> options = {};  // in the evidence's slab
};

struct PreResult {
  ActionId action;
  uint8_t priority = 1;
  bool least = false;
  bool process_all = false;      // later filters run all the same
  bool no_smtp_message = false;  // `message` is for logs, not for the SMTP reply
  bool ends = false;             // only idempotent checks still run (GTUBE, settings whitelist)
  bool has_score = false;
  bool takes_threshold = false;  // the score is the action's threshold, where it has one
  Micro score = 0;
  std::string_view message = {};
  std::string_view module = {};  // who set it
};

enum class EditKind : uint8_t {
  kAddHeader,
  kSignature,  // adds a DKIM-Signature, which HTTP replies have a place of their own for
  kChangeHeader,
  kRemoveHeader,
  kRewriteSubject,
  kChangeFrom,
  kAddRecipient,
  kRemoveRecipient,
  kReplaceBody,
  kQuarantine
};

struct Edit {
  EditKind kind;
  int32_t position = 0;  // occurrence or index, as Rspamd's milter block uses it; 0 = default
  std::string_view name = {};
  std::string value = {};
};

// State change to carry out after the verdict, by `serve` or `learn` only.
enum class EffectKind : uint8_t { kLearn, kHistory, kReputation, kReport, kExport };
struct Effect {
  EffectKind kind;
  std::string_view key = {};
  std::string value = {};
};

struct Verdict {
  ActionId action;  // index into the model's actions
  Micro score = 0;
  Micro required = 0;  // the highest threshold; kNoThreshold where there is none
  std::vector<VerdictSymbol> symbols = {};  // in insertion order, composites last
  std::vector<PreResult> pre_results = {};  // in insertion order
  uint32_t forced_by = kNoIndex;            // index into pre_results that decided, or kNoIndex
  std::vector<Edit> edits = {};
  std::vector<Effect> effects = {};
  std::vector<QuestionId> unknown = {};  // questions that ended unknown
  bool cut_by_deadline = false;
  std::string_view subject = {};  // as a header holds it, where the action rewrites it

  void clear();
};

constexpr Micro kNoThreshold = INT64_MAX;

}  // namespace winnow
