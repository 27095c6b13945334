// winnow rules cost: what each pattern costs alone on the reader's own mail, beside its hits.
//
// Each pattern gets a plan of its own and is asked of the same batch again and again; the least
// time of kRepeats runs counts. Sums are larger than what all patterns cost together: Hyperscan
// shares work between the patterns of a scope. A pattern that costs much and hits nothing is to be
// rewritten or retired.
#include "ingest/commands/rules_cost.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "ingest/commands/command.h"
#include "ingest/corpus/source.h"
#include "pipeline/load.h"
#include "pipeline/lookup/answers.h"
#include "pipeline/worker.h"

namespace winnow {

namespace {

constexpr uint32_t kMessagesMax = 512;
constexpr int kRepeats = 3;

struct Row {
  AtomId atom;
  double us_per_message = 0;
  uint64_t hits = 0;
};

double time_of(const MatchPlan& plan, MatchScratch& scratch, Batch& batch, uint64_t& hits) {
  double best = 1e300;
  for (int i = 0; i < kRepeats; ++i) {
    batch.atoms.clear();
    const auto start = std::chrono::steady_clock::now();
    match(plan, scratch, batch);
    const auto end = std::chrono::steady_clock::now();
    best = std::min(best, std::chrono::duration<double, std::micro>(end - start).count());
    hits = batch.atoms.size();
  }
  return best;
}

// Symbols whose expression reads the atom.
std::string readers_of(const RuleSet& rules, AtomId atom) {
  std::string out;
  for (const RuleInfo& rule : rules.rules)
    if (std::ranges::find(rule.atoms, atom) != rule.atoms.end())
      out += (out.empty() ? "" : ",") + rules.model.symbols[index(rule.symbol)].name;
  return out;
}

}  // namespace

int print_rules_cost(const std::shared_ptr<const RuleSet>& rules,
                     const std::vector<std::string>& paths) {
  const TableAnswers answers(*rules);
  const Run run(rules, answers, {.now_ms = clock_ms()});
  Worker worker(run);
  std::vector<Message> messages;
  std::vector<std::unique_ptr<Case>> cases;
  int code = kExitGood;
  const ReadSink sink{
      .message =
          [&](Message&& message) {
            messages.push_back(std::move(message));
            cases.push_back(std::make_unique<Case>());
            return messages.size() < kMessagesMax;
          },
      .problem =
          [&](const std::string& where, const std::string& what) {
            complain("rules", fmt::format("{}: {}", where, what));
            code = kExitInputs;
          },
      .progress = [](uint64_t) {},
  };
  read_messages(paths, {}, sink);
  if (messages.empty()) {
    complain("rules", "no mail to measure on: name files or directories");
    return kExitUsage;
  }
  run.look(worker, messages, cases);

  uint64_t all_hits = 0;
  MatchScratch scratch(rules->limits);
  MatchOptions options;
  options.limits = rules->limits;
  const double all =
      time_of(*rules->match->with_databases(options), scratch, worker.batch, all_hits);
  std::vector<Row> rows;
  for (uint32_t i = 0; i < rules->atoms.size(); ++i) {
    const auto atom = static_cast<AtomId>(i);
    if (!rules->match->pattern(atom)) continue;
    Row row{.atom = atom};
    const auto alone = rules->match->only(atom)->with_databases(options);
    row.us_per_message =
        time_of(*alone, scratch, worker.batch, row.hits) / static_cast<double>(messages.size());
    rows.push_back(row);
  }
  std::ranges::sort(rows, std::greater(), &Row::us_per_message);
  fmt::print("{} messages; all {} patterns together: {:.2f} us a message, {} hits\n",
             messages.size(), rows.size(), all / static_cast<double>(messages.size()), all_hits);
  fmt::print("{:>10} {:>7}  {:<40} {}\n", "US ALONE", "HITS", "PATTERN", "READ BY");
  for (const Row& row : rows)
    fmt::print("{:>10.3f} {:>7}  {:<40} {}\n", row.us_per_message, row.hits,
               rules->atoms[index(row.atom)].text, readers_of(*rules, row.atom));
  return code;
}

}  // namespace winnow
