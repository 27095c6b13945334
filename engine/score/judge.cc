#include "engine/score/judge.h"

#include <algorithm>

#include "engine/mime/phrase.h"
#include "engine/score/evaluate.h"
#include "engine/score/questions.h"
#include "engine/score/render.h"

namespace winnow {

namespace {

bool passes(const Symbol& symbol) {
  constexpr auto kPassing = static_cast<uint16_t>(SymbolFlag::kFine) |
                            static_cast<uint16_t>(SymbolFlag::kIgnorePassthrough);
  return symbol.flags & kPassing;
}

// One call of judge().
class Run final : public Judgement {
 public:
  Run(const JudgePlan& plan, const JudgeInput& input, JudgeScratch& scratch, Evidence& evidence)
      : plan_(plan), input_(input), scratch_(scratch), evidence_(evidence), board_(scratch.board) {
    reason_ = evidence.cut_by_deadline ? UnknownReason::kTimeout : input.unanswerable;
  }

  Judged run(Verdict& verdict) {
    begin();
    if (phase(Phase::kConnfilter) || phase(Phase::kPrefilter) || phase(Phase::kFilter) ||
        phase(Phase::kClassifier)) {
      return Judged::kWaiting;
    }
    composites(false);
    if (phase(Phase::kPostfilter)) return Judged::kWaiting;
    board_.grow();
    composites(true);
    if (phase(Phase::kDecision)) return Judged::kWaiting;
    board_.close();
    if (phase(Phase::kIdempotent)) return Judged::kWaiting;
    finish(verdict);
    return Judged::kDone;
  }

  void insert(SymbolId symbol, double weight, std::string_view option) override {
    if (board_.is_closed())
      board_.note(symbol, option);
    else
      board_.insert(symbol, weight, option);
  }
  ActionId action() const override { return board_.action(); }
  Micro score() const override { return board_.total(); }
  Micro threshold(ActionId action) const override {
    return board_.is_action_enabled(action) ? board_.threshold(action) : kNoThreshold;
  }
  void pre_result(const PreResult& result) override { board_.pre_result(result); }
  void edit(const Edit& edit) override { board_.edit(edit); }
  void effect(const Effect& effect) override { board_.effect(effect); }
  bool has_symbol(SymbolId symbol) const override { return board_.has(symbol); }
  std::string_view option(SymbolId symbol, uint32_t which) const override {
    const Board::Entry* const entry = board_.find(symbol);
    std::string_view found;
    if (entry)
      board_.any_option(*entry, [&](std::string_view text) {
        if (which-- > 0) return false;
        found = text;
        return true;
      });
    return found;
  }

  const Answer* ask(QuestionKind kind, uint16_t type, std::string_view key) override {
    const uint32_t known = find_question(evidence_.questions, kind, type, key);
    if (known != kNoIndex) {
      const Answer& answer = evidence_.answers[known];
      return answer.state == AnswerState::kOpen ? nullptr : &answer;
    }
    if (find_question(scratch_.asked, kind, type, key) == kNoIndex) {
      // Takes are as many as the site configures, whatever the mail holds.
      if (kind != QuestionKind::kTake &&
          evidence_.questions.size() + scratch_.asked.size() >= plan_.limits.questions_max) {
        fault(Fault::kLimitQuestions);
        return &unknown_answer(UnknownReason::kLimit);
      }
      scratch_.asked.push_back({kind, type, check_, scratch_.keys.copy(key)});
    }
    return reason_ == UnknownReason::kNotUnknown ? nullptr : &unknown_answer(reason_);
  }

 private:
  void begin() {
    board_.begin(*plan_.model, input_.overlay, input_.headerless);
    scratch_.asked.clear();
    scratch_.keys.reset();
    scratch_.atom_slot.resize(plan_.atoms, 0);
    scratch_.rule_stamp.resize(plan_.rules.size(), 0);
  }

  void fault(Fault which) {
    const SymbolId symbol = plan_.fault_symbols[static_cast<size_t>(which)];
    if (symbol != kNoId<SymbolId> && !board_.has(symbol)) board_.insert(symbol, 1, {});
  }

  bool is_stopped(Phase phase) const {
    if (phase == Phase::kIdempotent) return false;
    if (board_.ends()) return true;
    if (input_.pass_all) return false;
    return board_.is_forced();
  }
  // Whether the score alone stops what the phase has left. Checks of filters go on: what they ask
  // may bring a whitelist that takes the score back, and Rspamd has its questions under way by
  // then.
  bool is_decided(Phase phase) const {
    if (is_stopped(phase)) return true;
    const bool by_score = phase == Phase::kFilter || phase == Phase::kClassifier;
    return by_score && !input_.pass_all && !plan_.model->check_all_filters && board_.is_over();
  }

  // Whether a symbol's own insertion still counts in this phase.
  bool may_insert(SymbolId symbol, bool stopped) const {
    if (!stopped) return true;
    return !board_.ends() && index(symbol) < plan_.model->symbols.size() &&
           passes(plan_.model->symbols[index(symbol)]);
  }

  // Runs one phase; true where a check waits.
  bool phase(Phase now) {
    const bool stopped = is_decided(now);
    facts(now, stopped);
    if (now == Phase::kFilter) {
      faults(stopped);
      touched_rules(stopped);
    }
    const size_t end = plan_.phase_begin[static_cast<size_t>(now) + 1];
    for (size_t i = plan_.phase_begin[static_cast<size_t>(now)]; i < end;)
      if (level(i)) return true;
    if (now == Phase::kFilter)
      for (const uint32_t rule : plan_.late_rules) rule_value(rule, is_decided(now));
    return false;
  }

  // Runs the level that begins at check `i` and moves `i` behind it; true where a check waits.
  bool level(size_t& i) {
    const CheckJudge& first = plan_.checks[i];
    const bool stopped =
        first.phase == Phase::kFilter ? is_stopped(first.phase) : is_decided(first.phase);
    bool waiting = false;
    for (; i < plan_.checks.size() && plan_.checks[i].phase == first.phase &&
           plan_.checks[i].level == first.level;
         ++i) {
      const CheckJudge& check = plan_.checks[i];
      if (stopped && (!check.passes || board_.ends())) continue;
      if (check.skips_local && evidence_.envelope.own_ip) continue;
      if (check.skips_users && !evidence_.envelope.user.empty()) continue;
      check_ = check.check;
      waiting |= check.judge(*check.plan, evidence_, *this) == Judged::kWaiting;
    }
    for (const Question& question : scratch_.asked)
      append_question(evidence_, question,
                      reason_ == UnknownReason::kNotUnknown ? Answer{} : unknown_answer(reason_));
    scratch_.asked.clear();
    // A check that waits for nothing would wait for ever: it counts as done.
    return waiting && std::any_of(evidence_.answers.begin(), evidence_.answers.end(),
                                  [](const Answer& a) { return a.state == AnswerState::kOpen; });
  }

  void facts(Phase now, bool stopped) {
    for (const SymbolFact& fact : evidence_.symbols) {
      const uint32_t id = index(fact.symbol);
      const Phase when = id < plan_.symbol_phases.size() ? plan_.symbol_phases[id] : Phase::kFilter;
      if (when == now && may_insert(fact.symbol, stopped))
        board_.insert(fact.symbol, fact.weight, fact.option, fact.where);
    }
  }

  void faults(bool stopped) {
    if (stopped) return;
    for (size_t i = 0; i < plan_.fault_symbols.size(); ++i)
      if (evidence_.facts.faults.has(static_cast<Fault>(i))) fault(static_cast<Fault>(i));
  }

  void touched_rules(bool stopped) {
    if (++scratch_.epoch == 0) {
      std::fill(scratch_.rule_stamp.begin(), scratch_.rule_stamp.end(), 0);
      scratch_.epoch = 1;
    }
    scratch_.rules.assign(plan_.always_rules.begin(), plan_.always_rules.end());
    for (const uint32_t rule : scratch_.rules) scratch_.rule_stamp[rule] = scratch_.epoch;
    for (uint32_t a = 0; a < evidence_.atoms.size(); ++a) {
      const uint32_t atom = index(evidence_.atoms[a].atom);
      if (atom >= plan_.atoms) continue;
      scratch_.atom_slot[atom] = a + 1;
      for (uint32_t k = plan_.atom_rules_begin[atom]; k < plan_.atom_rules_begin[atom + 1]; ++k) {
        const uint32_t rule = plan_.atom_rules[k];
        if (scratch_.rule_stamp[rule] == scratch_.epoch) continue;
        scratch_.rule_stamp[rule] = scratch_.epoch;
        scratch_.rules.push_back(rule);
      }
    }
    std::sort(scratch_.rules.begin(), scratch_.rules.end());
    for (const uint32_t rule : scratch_.rules) rule_value(rule, stopped);
  }

  void rule_value(uint32_t which, bool stopped) {
    const RegexpRule& rule = plan_.rules[which];
    if (!may_insert(rule.symbol, stopped)) return;
    Where where;
    const double value = evaluate(rule.program, 1, [&](uint32_t atom) -> double {
      if (plan_.symbol_of_atom[atom] != kNoId<SymbolId>)
        return board_.has(plan_.symbol_of_atom[atom]);
      const uint32_t slot = scratch_.atom_slot[atom];
      if (slot == 0) return 0;
      const AtomCount& hit = evidence_.atoms[slot - 1];
      if (where.scope == ScopeKind::kNowhere) where = hit.where;
      return hit.count;
    });
    if (value != 0) board_.insert(rule.symbol, value, {}, where);
  }

  void composites(bool second_pass) {
    if (board_.ends()) return;
    run_composites(*plan_.model, plan_.composites, second_pass, plan_.option_regexps,
                   scratch_.composites, board_);
  }

  void finish(Verdict& verdict) {
    board_.finish(evidence_.slab, verdict);
    verdict.cut_by_deadline = evidence_.cut_by_deadline;
    for (uint32_t i = 0; i < evidence_.answers.size(); ++i)
      if (evidence_.answers[i].state == AnswerState::kUnknown)
        verdict.unknown.push_back(static_cast<QuestionId>(i));
    const ScoreModel& model = *plan_.model;
    if (evidence_.cut_by_deadline && plan_.soft_reject_on_timeout &&
        model.soft_reject != kNoId<ActionId> && verdict.action != model.reject) {
      verdict.action = model.soft_reject;
      verdict.forced_by = kNoIndex;
    }
    if (model.actions[index(verdict.action)].name == "rewrite subject")
      verdict.subject = rewritten_subject(model.subject, verdict.score);
  }

  // The first %s becomes the message's subject, %d the score, %% a percent sign. As it stands in a
  // header.
  std::string_view rewritten_subject(std::string_view pattern, Micro score) {
    std::string text;
    bool done = false;
    for (size_t i = 0; i < pattern.size(); ++i) {
      const char next = i + 1 < pattern.size() ? pattern[i + 1] : ' ';
      if (pattern[i] == '%' && next == 's' && !done) {
        text += evidence_.subject;
        done = true;
      } else if (pattern[i] == '%' && next == 'd') {
        append_score(score, text);
      } else {
        text += pattern[i];
        if (pattern[i] != '%' || next != '%') continue;
      }
      ++i;
    }
    ArenaText out(evidence_.slab);
    out.append(write_unstructured(text));
    return out.finish();
  }

  const JudgePlan& plan_;
  const JudgeInput& input_;
  JudgeScratch& scratch_;
  Evidence& evidence_;
  Board& board_;
  UnknownReason reason_;
  CheckId check_ = kNoId<CheckId>;
};

}  // namespace

Result<void> index_judge_plan(JudgePlan& plan) {
  std::stable_sort(plan.checks.begin(), plan.checks.end(), [](const auto& a, const auto& b) {
    return a.phase != b.phase ? a.phase < b.phase : a.level < b.level;
  });
  plan.phase_begin.fill(0);
  for (const CheckJudge& check : plan.checks)
    ++plan.phase_begin[static_cast<size_t>(check.phase) + 1];
  for (size_t i = 1; i < plan.phase_begin.size(); ++i)
    plan.phase_begin[i] += plan.phase_begin[i - 1];
  plan.symbol_of_atom.assign(plan.atoms, kNoId<SymbolId>);
  for (const auto& [atom, symbol] : plan.symbol_atoms) {
    if (index(atom) >= plan.atoms) return fail("a symbol atom is out of range");
    plan.symbol_of_atom[index(atom)] = symbol;
  }
  plan.atom_rules_begin.assign(plan.atoms + 1, 0);
  plan.always_rules.clear();
  plan.late_rules.clear();
  std::vector<std::pair<uint32_t, uint32_t>> reads;  // atom, rule
  for (uint32_t r = 0; r < plan.rules.size(); ++r) {
    RegexpRule& rule = plan.rules[r];
    if (!link_program(rule.program)) return fail("a rule's expression does not evaluate");
    bool late = false;
    for (const Instruction& in : rule.program) {
      if (in.op != Op::kAtom) continue;
      if (in.atom >= plan.atoms) return fail("an atom of a rule is out of range");
      late |= plan.symbol_of_atom[in.atom] != kNoId<SymbolId>;
    }
    if (late) {
      plan.late_rules.push_back(r);
      continue;
    }
    for (const Instruction& in : rule.program)
      if (in.op == Op::kAtom) reads.emplace_back(in.atom, r);
    if (evaluate(rule.program, 1, [](uint32_t) { return 0.0; }) != 0)
      plan.always_rules.push_back(r);
  }
  std::sort(reads.begin(), reads.end());
  reads.erase(std::unique(reads.begin(), reads.end()), reads.end());
  plan.atom_rules.clear();
  for (const auto& [atom, rule] : reads) {
    ++plan.atom_rules_begin[atom + 1];
    plan.atom_rules.push_back(rule);
  }
  for (uint32_t a = 0; a < plan.atoms; ++a)
    plan.atom_rules_begin[a + 1] += plan.atom_rules_begin[a];
  plan.composites = index_composites(*plan.model);
  return {};
}

Judged judge(const JudgePlan& plan, const JudgeInput& input, JudgeScratch& scratch,
             Evidence& evidence, Verdict& verdict) {
  for (const Answer& answer : evidence.answers)
    if (answer.state == AnswerState::kOpen) return Judged::kWaiting;
  Run run(plan, input, scratch, evidence);
  const Judged done = run.run(verdict);
  for (const AtomCount& atom : evidence.atoms)
    if (index(atom.atom) < plan.atoms) scratch.atom_slot[index(atom.atom)] = 0;
  return done;
}

}  // namespace winnow
