// Judging: from one message's evidence to its verdict.
//
// Order (facts/scoring.md, "Stages"): connection filters, pre-filters, filters (facts of content
// checks, regexp rules, judges of checks), classifiers, composites, post-filters, grow factor,
// composites again, decisions, idempotent. Inside a phase judges stand in levels; a level ends
// before the next begins, and only between levels is it decided whether later ones still run.
//
// A judgement is a pure function of evidence and plan. It keeps nothing between calls: where a
// check waits for an answer, the questions it asked are in the evidence, judge() says kWaiting,
// and is called again from its start when *all* of them have an answer (so that the order of
// questions does not depend on the order in which answers arrive).
//
// Regexp rules: only those with an atom that hit, and those that are true without any, are
// evaluated, in the order of the plan; rules that ask has_symbol() come after the filters' levels.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/limits.h"
#include "engine/result.h"
#include "engine/score/board.h"
#include "engine/score/composites.h"
#include "engine/score/judgement.h"

namespace winnow {

struct RegexpRule {
  SymbolId symbol;
  Program program;  // over AtomIds; linked
};

// How the judge of a check is called.
struct CheckJudge {
  CheckId check = kNoId<CheckId>;
  const CheckPlan* plan = nullptr;
  Judged (*judge)(const CheckPlan&, const Evidence&, Judgement&) = nullptr;
  Phase phase = Phase::kFilter;
  uint16_t level = 0;   // within its phase
  bool passes = false;  // runs in spite of pre-results and scores (fine, ignore_passthrough)
  uint32_t seals = 0;   // Sealed bits that it reads
  bool skips_local = false, skips_users = false;  // not for local, not for authenticated mail
};

struct JudgePlan {
  const ScoreModel* model = nullptr;
  uint32_t atoms = 0;  // number of AtomIds
  std::vector<RegexpRule> rules;
  std::vector<std::pair<AtomId, SymbolId>> symbol_atoms;  // atoms that are has_symbol(s)
  std::vector<CheckJudge> checks;                         // any order
  std::vector<Phase> symbol_phases;  // by symbol: when facts count; missing = kFilter
  std::array<SymbolId, static_cast<size_t>(Fault::kCount)> fault_symbols;  // kNoId = none
  OptionRegexps option_regexps;
  bool soft_reject_on_timeout = false;
  Limits limits;

  // Made by index_judge_plan().
  std::array<uint32_t, static_cast<size_t>(Phase::kIdempotent) + 2> phase_begin{};  // into checks
  std::vector<uint32_t> atom_rules_begin;                                           // [atoms + 1]
  std::vector<uint32_t> atom_rules;      // rules that read the atom
  std::vector<uint32_t> always_rules;    // true when no atom hit
  std::vector<uint32_t> late_rules;      // read symbols
  std::vector<SymbolId> symbol_of_atom;  // by atom; kNoId = counts
  CompositeIndex composites;

  JudgePlan() { fault_symbols.fill(kNoId<SymbolId>); }
};

// Sorts the checks by phase and level and fills the indices. Fails where an id is out of range.
Result<void> index_judge_plan(JudgePlan& plan);

struct JudgeInput {
  const Overlay* overlay = nullptr;
  bool headerless = false;  // symbols for mail alone are not inserted
  bool pass_all = false;    // "Pass: all": nothing is skipped for pre-results or scores
  // Why a new question stays unknown; kNotUnknown = it is asked, and judge() waits for it. A case
  // that was cut by its deadline always takes kTimeout.
  UnknownReason unanswerable = UnknownReason::kNotUnknown;
};

struct JudgeScratch {
  Board board;
  CompositeScratch composites;
  std::vector<uint32_t> atom_slot;   // by atom: 1 + index into evidence.atoms; 0 = none
  std::vector<uint32_t> rule_stamp;  // by rule: epoch that listed it
  std::vector<uint32_t> rules;       // to be evaluated
  std::vector<Question> asked;       // new questions of this level, keys in `keys`
  Arena keys{4 * 1024, 64 * 1024};
  uint32_t epoch = 0;
};

// Judges a message. kWaiting: at least one answer is open; `verdict` is untouched; call again when
// all have come. The evidence grows by questions only (and by the verdict's texts in its slab).
// REQUIRED: index_judge_plan() said yes. Not thread-safe within one scratch or evidence.
Judged judge(const JudgePlan& plan, const JudgeInput& input, JudgeScratch& scratch,
             Evidence& evidence, Verdict& verdict);

}  // namespace winnow
