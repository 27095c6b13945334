#include "engine/score/judge.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/unit/score/model_builder.h"

namespace winnow {

struct CheckPlan {
  std::vector<SymbolId> symbols;
};

namespace {

using namespace test;

Instruction atom(uint32_t id) { return {.op = Op::kAtom, .arity = 0, .atom = id}; }
constexpr Instruction kNot{.op = Op::kNot, .arity = 1};
constexpr Instruction kBoth{.op = Op::kAnd, .arity = 2};

struct Fixture {
  ScoreModel model = base_model();
  JudgePlan plan;
  JudgeInput input;
  JudgeScratch scratch;
  Evidence evidence;
  Verdict verdict;

  std::string run() {
    plan.model = &model;
    EXPECT_TRUE(index_judge_plan(plan));
    return again();
  }
  std::string again() {
    if (judge(plan, input, scratch, evidence, verdict) == Judged::kWaiting) {
      std::string out = "waits:";
      for (size_t i = 0; i < evidence.questions.size(); ++i)
        if (evidence.answers[i].state == AnswerState::kOpen)
          out += " " + std::string(evidence.questions[i].key);
      return out;
    }
    return dump(model, verdict);
  }
  void atoms(std::vector<AtomCount> counts) {
    evidence.atoms = evidence.slab.copy(std::span<const AtomCount>(counts));
  }
  void facts(std::vector<SymbolFact> facts) {
    evidence.symbols = evidence.slab.copy(std::span<const SymbolFact>(facts));
  }
  void answer(size_t i, std::string_view value) {
    std::span<std::string_view> values = evidence.slab.alloc<std::string_view>(1);
    values[0] = evidence.slab.copy(value);
    evidence.answers[i] = {.state = AnswerState::kValue, .values = values};
  }
};

TEST(Judge, evaluates_touched_rules_those_true_without_atoms_and_late_ones) {
  Fixture f;
  const SymbolId hit = add_symbol(f.model, "HIT", 1), none = add_symbol(f.model, "NONE", 1),
                 missing = add_symbol(f.model, "MISSING", 1), late = add_symbol(f.model, "LATE", 1),
                 count = add_symbol(f.model, "COUNT", 0.5);
  f.plan.atoms = 4;
  f.plan.symbol_atoms = {{AtomId{3}, hit}};
  f.plan.rules = {{late, {atom(3)}},
                  {hit, {atom(0), atom(1), kBoth}},
                  {none, {atom(1), atom(2), kBoth}},
                  {missing, {atom(2), kNot}},
                  {count, {atom(0)}}};
  f.atoms({{AtomId{0}, 3, {.scope = ScopeKind::kHeader, .item = 9}}, {AtomId{1}, 1, {}}});
  EXPECT_EQ(f.run(), "greylist 4.5; HIT(1) MISSING(1) COUNT(1.5) LATE(1)");
  EXPECT_EQ(f.verdict.symbols[0].where.item, 9u);
  f.atoms({{AtomId{2}, 1, {}}});
  EXPECT_EQ(f.again(), "no action 0;");
  f.atoms({});
  EXPECT_EQ(f.again(), "no action 1; MISSING(1)");
}

TEST(Judge, faults_are_symbols) {
  Fixture f;
  const SymbolId nul = add_symbol(f.model, "HEADER_NUL", 2);
  f.plan.fault_symbols[static_cast<size_t>(Fault::kHeaderNul)] = nul;
  f.evidence.facts.faults.set(Fault::kHeaderNul);
  f.evidence.facts.faults.set(Fault::kBodyNul);
  EXPECT_EQ(f.run(), "no action 2; HEADER_NUL(2)");
}

// Asks for the "TXT of first", then for what the answer says.
Judged ask_twice(const CheckPlan& plan, const Evidence&, Judgement& judgement) {
  const Answer* first = judgement.ask(QuestionKind::kDns, 16, "first");
  if (!first) return Judged::kWaiting;
  if (first->state != AnswerState::kValue) {
    judgement.insert(plan.symbols[1], 1, "no first");
    return Judged::kDone;
  }
  const Answer* second = judgement.ask(QuestionKind::kDns, 16, first->values[0]);
  if (!second) return Judged::kWaiting;
  if (second->state == AnswerState::kValue)
    judgement.insert(plan.symbols[0], 1, second->values[0]);
  else
    judgement.insert(plan.symbols[1], 1, "no second");
  return Judged::kDone;
}

TEST(Judge, waits_for_answers_level_by_level_and_ends_the_same_however_they_come) {
  Fixture f;
  CheckPlan check;
  check.symbols = {add_symbol(f.model, "FOUND", 1), add_symbol(f.model, "UNKNOWN", 0)};
  f.plan.checks = {{.check = CheckId{1}, .plan = &check, .judge = ask_twice, .level = 1},
                   {.check = CheckId{0}, .plan = &check, .judge = ask_twice}};
  EXPECT_EQ(f.run(), "waits: first");
  EXPECT_EQ(f.again(), "waits: first") << "nothing came: nothing happens";
  f.answer(0, "second");
  EXPECT_EQ(f.again(), "waits: second");
  f.answer(1, "value");
  EXPECT_EQ(f.again(), "no action 2; FOUND(2)[value]");
  EXPECT_EQ(f.again(), "no action 2; FOUND(2)[value]");
  EXPECT_EQ(f.evidence.questions.size(), 2u) << "both checks asked the same";
  EXPECT_TRUE(f.verdict.unknown.empty());
}

TEST(Judge, what_cannot_be_asked_is_unknown_and_listed) {
  Fixture f;
  CheckPlan check;
  check.symbols = {add_symbol(f.model, "FOUND", 1), add_symbol(f.model, "UNKNOWN", 0)};
  f.plan.checks = {{.check = CheckId{7}, .plan = &check, .judge = ask_twice}};
  f.input.unanswerable = UnknownReason::kNotReplayed;
  EXPECT_EQ(f.run(), "no action 0; UNKNOWN(0)[no first]");
  ASSERT_EQ(f.verdict.unknown.size(), 1u);
  EXPECT_EQ(f.evidence.questions[0].check, CheckId{7});
  EXPECT_EQ(f.evidence.answers[0].reason, UnknownReason::kNotReplayed);

  Fixture g;
  g.model = f.model;
  g.plan.checks = f.plan.checks;
  g.evidence.cut_by_deadline = true;
  g.plan.soft_reject_on_timeout = true;
  EXPECT_EQ(g.run(), "soft reject 0; UNKNOWN(0)[no first]");
  EXPECT_EQ(g.evidence.answers[0].reason, UnknownReason::kTimeout);
  EXPECT_TRUE(g.verdict.cut_by_deadline);

  Fixture h;
  h.model = f.model;
  h.plan.checks = f.plan.checks;
  h.plan.limits.questions_max = 0;
  h.plan.fault_symbols[static_cast<size_t>(Fault::kLimitQuestions)] =
      add_symbol(h.model, "LIMIT_QUESTIONS", 0);
  EXPECT_EQ(h.run(), "no action 0; LIMIT_QUESTIONS(0) UNKNOWN(0)[no first]");
  EXPECT_TRUE(h.evidence.questions.empty());
}

TEST(Judge, takes_are_asked_however_many_questions_there_are) {
  Fixture f;
  f.plan.limits.questions_max = 0;
  CheckPlan plan;
  f.plan.checks = {
      {.plan = &plan, .judge = [](const CheckPlan&, const Evidence&, Judgement& judgement) {
         return judgement.ask(QuestionKind::kTake, 1, "key") ? Judged::kDone : Judged::kWaiting;
       }}};
  EXPECT_EQ(f.run(), "waits: key");
}

Judged just_insert(const CheckPlan& plan, const Evidence&, Judgement& judgement) {
  judgement.insert(plan.symbols[0], 1, {});
  return Judged::kDone;
}
Judged force_reject(const CheckPlan& plan, const Evidence&, Judgement& judgement) {
  PreResult result{.action = ActionId{3}, .message = "no", .module = "test"};
  result.process_all = plan.symbols.size() > 1;
  result.ends = plan.symbols.size() > 2;
  judgement.pre_result(result);
  return Judged::kDone;
}

TEST(Judge, a_pre_result_skips_what_does_not_pass) {
  const auto run = [](size_t kind, bool pass_all) {
    Fixture f;
    const SymbolId fact = add_symbol(f.model, "FACT", 1);
    const SymbolId fine = add_symbol(f.model, "FINE", 1, static_cast<uint16_t>(SymbolFlag::kFine));
    CheckPlan force, filter, passing, post, idempotent;
    force.symbols.assign(kind, SymbolId{});
    filter.symbols = {add_symbol(f.model, "FILTER", 1)};
    passing.symbols = {add_symbol(f.model, "PASSING", 1)};
    post.symbols = {add_symbol(f.model, "POST", 1)};
    idempotent.symbols = {add_symbol(f.model, "LAST", 1)};
    f.plan.checks = {{.plan = &idempotent, .judge = just_insert, .phase = Phase::kIdempotent},
                     {.plan = &post, .judge = just_insert, .phase = Phase::kPostfilter},
                     {.plan = &filter, .judge = just_insert},
                     {.plan = &passing, .judge = just_insert, .passes = true},
                     {.plan = &force, .judge = force_reject, .phase = Phase::kPrefilter}};
    f.facts({{fact, 1, {}, {}}, {fine, 1, {}, {}}});
    f.input.pass_all = pass_all;
    return f.run();
  };
  EXPECT_EQ(run(0, false), "reject 2; FINE(1) PASSING(1)");
  EXPECT_EQ(run(0, true), "reject 5; FACT(1) FINE(1) FILTER(1) PASSING(1) POST(1)");
  EXPECT_EQ(run(2, false), "reject 5; FACT(1) FINE(1) FILTER(1) PASSING(1) POST(1)");
  EXPECT_EQ(run(3, false), "reject 0;") << "only idempotent checks run, and may not insert";
}

// What a judge of the last word sees, as an option of its symbol; it forces what it is told to.
Judged decide_late(const CheckPlan& plan, const Evidence&, Judgement& judgement) {
  const auto points = [](Micro micro) {
    return micro == kNoThreshold ? std::string("-") : std::to_string(micro / kMicro);
  };
  judgement.insert(plan.symbols[0], 1,
                   points(judgement.score()) + " of " + points(judgement.threshold(ActionId{3})));
  if (plan.symbols.size() > 1) force_reject(plan, {}, judgement);
  return Judged::kDone;
}

TEST(Judge, decisions_see_the_score_that_stands) {
  const auto run = [](bool post_forces, bool decision_forces, bool pass_all = false) {
    Fixture f;
    f.model.grow_factor = 2;
    CheckPlan filter, post, decision;
    filter.symbols = {add_symbol(f.model, "FILTER", 1)};
    decision.symbols = {add_symbol(f.model, "DECISION", 0)};
    if (decision_forces) decision.symbols.push_back({});
    const SymbolId late = add_symbol(f.model, "LATE", 0);
    post.symbols = {late};
    f.plan.checks = {{.plan = &decision, .judge = decide_late, .phase = Phase::kDecision},
                     {.plan = &post,
                      .judge = post_forces ? force_reject : just_insert,
                      .phase = Phase::kPostfilter},
                     {.plan = &filter, .judge = just_insert}};
    f.input.pass_all = pass_all;
    return f.run();
  };
  const std::string seen = run(false, false);
  EXPECT_NE(seen.find("DECISION(0)"), std::string::npos) << seen;
  EXPECT_NE(seen.find("[2 of "), std::string::npos) << "after the grow factor: " << seen;
  EXPECT_TRUE(run(false, true).starts_with("reject ")) << "its pre-result counts";
  EXPECT_EQ(run(true, false).find("DECISION"), std::string::npos) << "somebody has decided";
  EXPECT_NE(run(true, false, true).find("DECISION"), std::string::npos) << "Pass: all";
}

Judged force_soft_reject(const CheckPlan&, const Evidence&, Judgement& judgement) {
  judgement.pre_result({.action = ActionId{4}, .message = "later", .module = "test"});
  return Judged::kDone;
}

TEST(Judge, once_the_verdict_stands_mail_may_only_be_told_to_come_again) {
  CheckPlan plan;
  const auto run = [&](auto first, auto last) {
    Fixture f;
    plan.symbols = {add_symbol(f.model, "HEAVY", 20)};
    f.plan.checks = {{.plan = &plan, .judge = first},
                     {.plan = &plan, .judge = last, .phase = Phase::kIdempotent}};
    const std::string said = f.run();
    return said + (f.verdict.forced_by == kNoIndex ? "" : " forced");
  };
  EXPECT_EQ(run(just_insert, force_soft_reject), "soft reject 20; HEAVY(20) forced");
  EXPECT_EQ(run(just_insert, force_reject), "reject 20; HEAVY(20)");
  EXPECT_EQ(run(force_reject, force_soft_reject), "reject 0; forced") << "what was first holds";
}

TEST(Judge, text_without_a_header_block_gets_no_symbol_for_mail_alone) {
  const auto run = [](bool headerless) {
    Fixture f;
    const SymbolId any = add_symbol(f.model, "ANY", 1);
    const SymbolId mail =
        add_symbol(f.model, "MAIL", 1, static_cast<uint16_t>(SymbolFlag::kMimeOnly));
    f.facts({{any, 1, {}, {}}, {mail, 1, {}, {}}});
    f.input.headerless = headerless;
    return f.run();
  };
  EXPECT_EQ(run(false), "no action 2; ANY(1) MAIL(1)");
  EXPECT_EQ(run(true), "no action 1; ANY(1)");
}

TEST(Judge, over_the_highest_threshold_filters_go_on_and_classifiers_do_not) {
  Fixture f;
  CheckPlan heavy, later, classifier, post;
  heavy.symbols = {add_symbol(f.model, "HEAVY", 20)};
  later.symbols = {add_symbol(f.model, "RESCUE", -9)};
  classifier.symbols = {add_symbol(f.model, "CLASSIFIER", 1)};
  post.symbols = {add_symbol(f.model, "POST", 1)};
  f.plan.checks = {{.plan = &heavy, .judge = just_insert},
                   {.plan = &classifier, .judge = just_insert, .phase = Phase::kClassifier},
                   {.plan = &post, .judge = just_insert, .phase = Phase::kPostfilter}};
  EXPECT_EQ(f.run(), "reject 21; HEAVY(20) POST(1)");
  f.model.check_all_filters = true;
  EXPECT_EQ(f.again(), "reject 22; HEAVY(20) CLASSIFIER(1) POST(1)");
  f.model.check_all_filters = false;
  f.plan.checks.push_back({.plan = &later, .judge = just_insert, .level = 1});
  EXPECT_EQ(f.run(), "add header 13; HEAVY(20) RESCUE(-9) CLASSIFIER(1) POST(1)");
}

TEST(Judge, trusted_mail_skips_what_says_so_and_the_subject_is_rewritten) {
  Fixture f;
  f.model.actions.push_back({.name = "rewrite subject", .threshold = points(0.5)});
  f.model.subject = "[100%%] %s %s";
  CheckPlan a, b;
  a.symbols = {add_symbol(f.model, "A", 1)};
  b.symbols = {add_symbol(f.model, "B", 1)};
  f.plan.checks = {{.plan = &a, .judge = just_insert},
                   {.plan = &b, .judge = just_insert, .skips_local = true}};
  f.evidence.envelope.own_ip = true;
  f.evidence.subject = "hi";
  EXPECT_EQ(f.run(), "rewrite subject 1; A(1)");
  EXPECT_EQ(f.verdict.subject, "[100%] hi %s");
  f.model.subject = "%d: %s";
  f.evidence.subject = "caf\xc3\xa9";
  f.again();
  EXPECT_EQ(f.verdict.subject, "=?UTF-8?B?MS4wMDogY2Fmw6k=?=");  // "1.00: cafe", accented
}

TEST(Judge, plans_with_ids_out_of_range_are_refused) {
  JudgePlan plan;
  plan.atoms = 1;
  plan.rules = {{SymbolId{0}, {atom(1)}}};
  EXPECT_FALSE(index_judge_plan(plan));
  plan.rules = {{SymbolId{0}, {kNot}}};
  EXPECT_FALSE(index_judge_plan(plan));
  plan.rules.clear();
  plan.symbol_atoms = {{AtomId{1}, SymbolId{0}}};
  EXPECT_FALSE(index_judge_plan(plan));
}

// Rules are evaluated in their own order: the order of atoms in the evidence does not show.
TEST(Judge, the_order_of_atoms_does_not_matter) {
  std::mt19937 random(11);
  Fixture f;
  f.plan.atoms = 60;
  for (uint32_t r = 0; r < 80; ++r) {
    const SymbolId symbol = add_symbol(f.model, fmt::format("R{}", r), 0.1 * (r % 9));
    Program program = {atom(random() % 60), atom(random() % 60), kBoth};
    if (r % 3 == 0) program = {atom(random() % 60)};
    if (r % 10 == 0) program.push_back(kNot);
    f.plan.rules.push_back({symbol, std::move(program)});
  }
  for (int round = 0; round < 50; ++round) {
    std::vector<AtomCount> atoms;
    for (uint32_t a = 0; a < 60; ++a)
      if (random() % 2) atoms.push_back({AtomId{a}, 1 + static_cast<uint32_t>(random() % 3), {}});
    f.atoms(atoms);
    const std::string first = f.run();
    std::shuffle(atoms.begin(), atoms.end(), random);
    f.atoms(atoms);
    EXPECT_EQ(f.again(), first);
  }
}

}  // namespace
}  // namespace winnow
