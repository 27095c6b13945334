// winnow rules cost: what each pattern costs alone on the reader's own mail, beside its hits.
//
// Up to kMessagesMax messages are taken in equal steps over all that is named. Each pattern gets a
// plan of its own and is asked of the same batch again and again; the least time of kRepeats runs
// counts. Sums are larger than what all patterns cost together: Hyperscan shares work between the
// patterns of a scope, so what all of one kind of text cost together stands before. A pattern that
// costs much and hits nothing is to be rewritten or retired.
#include "ingest/commands/rules_cost.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <map>

#include "ingest/commands/command.h"
#include "ingest/corpus/source.h"
#include "pipeline/load.h"
#include "pipeline/lookup/answers.h"
#include "pipeline/worker.h"

namespace winnow {

namespace {

constexpr uint32_t kMessagesMax = 512;
constexpr int kRepeats = 3;
constexpr int kRepeatsTogether = 9;

struct Row {
  AtomId atom;
  double us_per_message = 0;
  uint64_t hits = 0;
};

// Microseconds of CPU: what else runs on the machine counts little.
double time_of(const MatchPlan& plan, MatchScratch& scratch, Batch& batch, uint64_t& hits,
               int repeats) {
  double best = 1e300;
  for (int i = 0; i < repeats; ++i) {
    batch.atoms.clear();
    const std::clock_t start = std::clock();
    match(plan, scratch, batch);
    best = std::min(best, 1e6 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
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

// Messages in equal steps, however many come: when it is full, every second one goes, and from
// then on half as many are taken.
class Sample {
 public:
  void add(Message&& message) {
    if (seen_++ % step_ != 0) return;
    messages.push_back(std::move(message));
    if (messages.size() < 2 * kMessagesMax) return;
    for (size_t i = 1; i < kMessagesMax; ++i) messages[i] = std::move(messages[2 * i]);
    messages.resize(kMessagesMax);
    step_ *= 2;
  }
  // At most kMessagesMax of them.
  void thin() {
    const size_t size = messages.size();
    if (size <= kMessagesMax) return;
    for (size_t i = 0; i < kMessagesMax; ++i)
      if (i != i * size / kMessagesMax) messages[i] = std::move(messages[i * size / kMessagesMax]);
    messages.resize(kMessagesMax);
  }

  std::vector<Message> messages;

 private:
  uint64_t seen_ = 0;
  uint64_t step_ = 1;
};

void print_scopes(const RuleSet& rules, const MatchOptions& options, Worker& worker,
                  MatchScratch& scratch, double messages) {
  std::map<ScopeKind, std::vector<AtomId>> scopes;
  for (uint32_t i = 0; i < rules.atoms.size(); ++i) {
    const auto atom = static_cast<AtomId>(i);
    if (const PatternSpec* const spec = rules.match->pattern(atom))
      scopes[spec->scope].push_back(atom);
  }
  fmt::print("{:>10} {:>8}  {}\n", "US ALL", "PATTERNS", "SCOPE");
  for (const auto& [scope, atoms] : scopes) {
    uint64_t hits = 0;
    const auto plan = rules.match->only(atoms)->with_databases(options);
    fmt::print("{:>10.2f} {:>8}  {}\n",
               time_of(*plan, scratch, worker.batch, hits, kRepeatsTogether) / messages,
               atoms.size(), scope_name(scope));
  }
}

}  // namespace

int print_rules_cost(const std::shared_ptr<const RuleSet>& rules,
                     const std::vector<std::string>& paths) {
  const TableAnswers answers(*rules);
  const Run run(rules, answers, {.now_ms = clock_ms()});
  Worker worker(run);
  Sample sample;
  int code = kExitGood;
  const ReadSink sink{
      .message =
          [&](Message&& message) {
            sample.add(std::move(message));
            return true;
          },
      .problem =
          [&](const std::string& where, const std::string& what) {
            complain("rules", fmt::format("{}: {}", where, what));
            code = kExitInputs;
          },
      .progress = [](uint64_t) {},
  };
  read_messages(paths, {}, sink);
  sample.thin();
  std::vector<Message>& messages = sample.messages;
  if (messages.empty()) {
    complain("rules", "no mail to measure on: name files or directories");
    return kExitUsage;
  }
  std::vector<std::unique_ptr<Case>> cases;
  for (size_t i = 0; i < messages.size(); ++i) cases.push_back(std::make_unique<Case>());
  run.look(worker, messages, cases);

  const auto count = static_cast<double>(messages.size());
  uint64_t all_hits = 0;
  MatchScratch scratch(rules->limits);
  MatchOptions options;
  options.limits = rules->limits;
  const double all = time_of(*rules->match->with_databases(options), scratch, worker.batch,
                             all_hits, kRepeatsTogether) /
                     count;
  std::vector<Row> rows;
  const bool to_terminal = isatty(STDERR_FILENO);
  const size_t patterns = rules->match->report().patterns;
  print_aside("winnow rules: measures {} patterns one by one, which takes a while\n", patterns);
  for (uint32_t i = 0; i < rules->atoms.size(); ++i) {
    const auto atom = static_cast<AtomId>(i);
    if (!rules->match->pattern(atom)) continue;
    if (to_terminal && rows.size() % 16 == 0)
      print_aside("\r\x1b[K{} of {}", rows.size(), patterns);
    Row row{.atom = atom};
    const auto alone = rules->match->only({&atom, 1})->with_databases(options);
    row.us_per_message = time_of(*alone, scratch, worker.batch, row.hits, kRepeats) / count;
    rows.push_back(row);
  }
  if (to_terminal) print_aside("\r\x1b[K");
  std::ranges::sort(rows, std::greater(), &Row::us_per_message);
  fmt::print("{} messages; all {} patterns together: {:.2f} us a message, {} hits\n",
             messages.size(), rows.size(), all, all_hits);
  print_scopes(*rules, options, worker, scratch, count);
  fmt::print("{:>10} {:>6} {:>7}  {:<40} {}\n", "US ALONE", "% ALL", "HITS", "PATTERN", "READ BY");
  for (const Row& row : rows)
    fmt::print("{:>10.3f} {:>6.2f} {:>7}  {:<40} {}\n", row.us_per_message,
               100 * row.us_per_message / all, row.hits, rules->atoms[index(row.atom)].text,
               readers_of(*rules, row.atom));
  return code;
}

}  // namespace winnow
