// Scoring: sealing, judging and rendering of messages with 30 to 40 symbols.
// Beside facts/limits.md: "JSON of 30 symbols", 0.5 us.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstdlib>

#include "engine/score/judge.h"
#include "engine/score/render.h"
#include "engine/score/seal.h"

namespace winnow {
namespace {

// 600 rules of one to three atoms, 40 composites; a message has 40 atom hits and 10 facts.
struct World {
  ScoreModel model;
  JudgePlan plan;
  World() {
    model.actions = {{.name = "no action"},
                     {.name = "add header", .threshold = 6 * kMicro},
                     {.name = "reject", .threshold = 150 * kMicro}};
    model.reject = ActionId{2};
    model.groups = {{.name = "g", .max_score = 20 * kMicro}};
    plan.model = &model;
    plan.atoms = 1000;
    for (uint32_t i = 0; i < 700; ++i) {
      model.symbols.push_back({.name = fmt::format("SYMBOL_NUMBER_{}", i),
                               .description = "A sentence that says what the symbol means",
                               .score = static_cast<Micro>(i % 40) * 100'000});
      if (i % 4 == 0) model.symbols.back().groups = {GroupId{0}};
    }
    const auto atom = [](uint32_t id) {
      return Instruction{.op = Op::kAtom, .arity = 0, .atom = id};
    };
    for (uint32_t r = 0; r < 600; ++r) {
      Program program = {atom(r)};
      if (r % 3 == 0) program = {atom(r), atom(600 + r % 400), {.op = Op::kOr, .arity = 2}};
      plan.rules.push_back({static_cast<SymbolId>(r), std::move(program)});
    }
    for (uint32_t c = 0; c < 40; ++c) {
      Composite composite{.symbol = static_cast<SymbolId>(650 + c)};
      composite.program = {atom(0), atom(1), {.op = Op::kAnd, .arity = 2}};
      composite.atoms = {{.symbol = static_cast<SymbolId>(c * 15)},
                         {.symbol = static_cast<SymbolId>(c * 15 + 1)}};
      model.composites.push_back(std::move(composite));
    }
    if (!index_judge_plan(plan)) std::abort();
  }
  void fill(Batch& batch, uint32_t rows) const {
    batch.clear();
    for (uint32_t row = 0; row < rows; ++row) {
      batch.add("message", row, {}, {});
      for (uint32_t k = 0; k < 40; ++k)
        batch.atoms.push_back({row, static_cast<AtomId>(k * 25 + row % 7), 1, {}});
      for (uint32_t k = 0; k < 10; ++k)
        batch.symbols.push_back({row, static_cast<SymbolId>(600 + k), 1, "option text", {}});
    }
  }
};

void seal_rows(benchmark::State& state) {
  const World world;
  const auto rows = static_cast<uint32_t>(state.range(0));
  Batch batch;
  world.fill(batch, rows);
  std::vector<Evidence> evidence(rows);
  std::vector<Evidence*> out;
  for (Evidence& e : evidence) out.push_back(&e);
  SealScratch scratch;
  for (auto _ : state) seal({}, scratch, batch, out);
  if (evidence.back().atoms.size() != 40) std::abort();
  state.SetItemsProcessed(state.iterations() * rows);
}
BENCHMARK(seal_rows)->Arg(1)->Arg(64);

void judge_message(benchmark::State& state) {
  const World world;
  Batch batch;
  world.fill(batch, 1);
  Evidence evidence;
  Evidence* const out[] = {&evidence};
  SealScratch sealing;
  seal({}, sealing, batch, out);
  // Away from the slab, which a verdict writes to.
  const std::vector<AtomCount> atoms(evidence.atoms.begin(), evidence.atoms.end());
  std::vector<SymbolFact> symbols(evidence.symbols.begin(), evidence.symbols.end());
  for (SymbolFact& symbol : symbols) symbol.option = "option text";
  evidence.atoms = atoms;
  evidence.symbols = symbols;
  JudgeScratch scratch;
  Verdict verdict;
  for (auto _ : state) {
    evidence.slab.reset();
    if (judge(world.plan, {}, scratch, evidence, verdict) != Judged::kDone) std::abort();
  }
  if (verdict.symbols.size() < 30) std::abort();
  state.counters["symbols"] = static_cast<double>(verdict.symbols.size());
}
BENCHMARK(judge_message);

void render_symbols(benchmark::State& state) {
  const World world;
  Board board;
  board.begin(world.model);
  for (uint32_t i = 0; i < 30; ++i)
    board.insert(static_cast<SymbolId>(i * 20 + 1), 1, i % 3 ? "" : "an option");
  Evidence evidence;
  Verdict verdict;
  board.finish(evidence.slab, verdict);
  const RenderPlan plan = make_render_plan(world.model);
  std::string out;
  for (auto _ : state) {
    out.clear();
    render_json_fields(plan, evidence, verdict, out);
    benchmark::DoNotOptimize(out.data());
  }
  if (out.find("SYMBOL_NUMBER_581") == std::string::npos) std::abort();
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * out.size()));
}
BENCHMARK(render_symbols);

}  // namespace
}  // namespace winnow
