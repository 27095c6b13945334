// step_counter [--alone] [FILE...]: what the shipped policy does with each message, in counted
// steps: one line "FILE<tab>PART<tab>STEPS" for each check, each function of the rule language,
// each pattern that PCRE2 was asked about, what the databases were given, and judging (rules and
// composites).
//
// Steps of checks, functions and judging are basic blocks (engine/steps.h) and the bytes that the
// C library was told to look at or move; those of patterns are the items that PCRE2 tried and the
// bytes that it passed. A database reads each byte once, so bytes are its steps. Messages run
// through the stages as in production (Run); each goes through them once before it is counted, so
// that no memory grows for the first time. --alone: instead, each pattern that databases do not
// answer by themselves, alone and without a database, so that PCRE2 is asked about it in each text.
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "engine/match/database.h"
#include "engine/match/regex_steps.h"
#include "engine/steps.h"
#include "pipeline/load.h"
#include "pipeline/worker.h"

namespace {
thread_local uint64_t library_bytes = 0;
}  // namespace

// The linker turns calls of our objects into these (--wrap).
extern "C" {
void* __real_memchr(const void* text, int byte, size_t size);
void* __real_memrchr(const void* text, int byte, size_t size);
void* __real_memmem(const void* text, size_t size, const void* what, size_t what_size);
int __real_memcmp(const void* a, const void* b, size_t size);
int __real_bcmp(const void* a, const void* b, size_t size);
void* __real_memcpy(void* to, const void* from, size_t size);
void* __real_memmove(void* to, const void* from, size_t size);
void* __real_memset(void* to, int byte, size_t size);

void* __wrap_memchr(const void* text, int byte, size_t size) {
  void* const found = __real_memchr(text, byte, size);
  library_bytes += found ? static_cast<const char*>(found) - static_cast<const char*>(text) : size;
  return found;
}
void* __wrap_memrchr(const void* text, int byte, size_t size) {
  void* const found = __real_memrchr(text, byte, size);
  library_bytes +=
      found ? static_cast<const char*>(text) + size - static_cast<const char*>(found) : size;
  return found;
}
void* __wrap_memmem(const void* text, size_t size, const void* what, size_t what_size) {
  void* const found = __real_memmem(text, size, what, what_size);
  library_bytes += found ? static_cast<const char*>(found) - static_cast<const char*>(text) : size;
  return found;
}
int __wrap_memcmp(const void* a, const void* b, size_t size) {
  library_bytes += size;
  return __real_memcmp(a, b, size);
}
int __wrap_bcmp(const void* a, const void* b, size_t size) {
  library_bytes += size;
  return __real_bcmp(a, b, size);
}
void* __wrap_memcpy(void* to, const void* from, size_t size) {
  library_bytes += size;
  return __real_memcpy(to, from, size);
}
void* __wrap_memmove(void* to, const void* from, size_t size) {
  library_bytes += size;
  return __real_memmove(to, from, size);
}
void* __wrap_memset(void* to, int byte, size_t size) {
  library_bytes += size;
  return __real_memset(to, byte, size);
}
}

namespace winnow {
namespace {

uint64_t steps_now() { return counted_steps() + library_bytes; }

std::map<std::string, uint64_t> parts;  // name: steps of the message that is being counted

class Counting {
 public:
  explicit Counting(std::string part) : part_(std::move(part)) {}
  ~Counting() { parts[part_] += steps_now() - begin_; }
  Counting(const Counting&) = delete;
  Counting& operator=(const Counting&) = delete;

 private:
  const std::string part_;
  const uint64_t begin_ = steps_now();
};

// Stands in for a check's plan and counts what its functions do.
struct CountedPlan final : CheckPlan {
  const Check* check = nullptr;
  std::unique_ptr<CheckPlan> plan;
  std::string name(const char* what) const { return std::string(check->name) + " " + what; }
};

struct CountedJudge final : CheckPlan {
  std::string name;
  const CheckPlan* plan = nullptr;
  Judged (*judge)(const CheckPlan&, const Evidence&, Judgement&) = nullptr;
};

const CountedPlan& counted(const CheckPlan& plan) { return static_cast<const CountedPlan&>(plan); }

// `from` with functions that count.
Check counting(const Check& from) {
  Check check = from;
  if (from.derive)
    check.derive = [](const CheckPlan& plan, Batch& batch, uint32_t row) {
      const Counting count(counted(plan).name("derive"));
      counted(plan).check->derive(*counted(plan).plan, batch, row);
    };
  if (from.content)
    check.content = [](const CheckPlan& plan, Batch& batch) {
      const Counting count(counted(plan).name("content"));
      counted(plan).check->content(*counted(plan).plan, batch);
    };
  if (from.ask)
    check.ask = [](const CheckPlan& plan, const Batch& batch, Asker& asker) {
      const Counting count(counted(plan).name("ask"));
      counted(plan).check->ask(*counted(plan).plan, batch, asker);
    };
  if (from.edit)
    check.edit = [](const CheckPlan& plan, const EditInput& input, std::vector<Edit>& edits) {
      const Counting count(counted(plan).name("edit"));
      counted(plan).check->edit(*counted(plan).plan, input, edits);
    };
  if (from.sign)
    check.sign = [](const CheckPlan& plan, const EditInput& input, std::vector<Edit>& edits) {
      const Counting count(counted(plan).name("sign"));
      counted(plan).check->sign(*counted(plan).plan, input, edits);
    };
  return check;
}

// What the rule set's checks are replaced by; lives as long as it.
struct Counted {
  std::deque<Check> checks;
  std::deque<CountedJudge> judges;
};

void count_checks(RuleSet& rules, Counted& counted) {
  for (CheckJudge& judge : rules.judge.checks) {
    CountedJudge& one = counted.judges.emplace_back();
    one.name = std::string(all_checks()[index(judge.check)]->name) + " judge";
    one.plan = std::exchange(judge.plan, &one);
    one.judge = std::exchange(judge.judge,
                              [](const CheckPlan& plan, const Evidence& evidence, Judgement& to) {
                                const auto& wanted = static_cast<const CountedJudge&>(plan);
                                const Counting count(wanted.name);
                                return wanted.judge(*wanted.plan, evidence, to);
                              });
  }
  for (EnabledCheck& one : rules.checks) {
    auto plan = std::make_unique<CountedPlan>();
    plan->check = one.check;
    plan->plan = std::move(one.plan);
    one.check = &counted.checks.emplace_back(counting(*one.check));
    one.plan = std::move(plan);
  }
}

AtomId add_counted(MatchPlanBuilder& builder, const PatternSpec& spec, AtomId atom) {
  PatternSpec counted = spec;
  counted.flags |= kCountSteps;
  return builder.add(counted, atom).value_or(atom);
}

// The same patterns, whose steps are counted, with the same databases.
std::shared_ptr<const MatchPlan> count_patterns(const RuleSet& rules, const MatchPlan& built) {
  MatchPlanBuilder builder;
  for (uint32_t i = 0; i < rules.atoms.size(); ++i)
    if (const PatternSpec* const spec = built.pattern(AtomId(i)))
      add_counted(builder, *spec, AtomId(i));
  return builder.build({.limits = rules.limits, .before = &built});
}

struct Alone {
  std::string name;
  std::shared_ptr<const MatchPlan> plan;
};

// A plan of its own for each pattern that is PCRE2's in the end.
std::vector<Alone> patterns_alone(const RuleSet& rules) {
  std::vector<Alone> out;
  for (uint32_t i = 0; i < rules.atoms.size(); ++i) {
    const PatternSpec* const spec = rules.match->pattern(AtomId(i));
    if (!spec ||
        (classify(*spec) == PatternClass::kExact && !(spec->flags & bit(PatternFlag::kCountAll))))
      continue;
    MatchPlanBuilder builder;
    add_counted(builder, *spec, AtomId(i));
    out.push_back({"pattern " + rules.atoms[i].text,
                   builder.build({.limits = rules.limits, .databases = Databases::kNone})});
  }
  return out;
}

// Says that no name exists, to everybody who asks: so that checks do all their work.
class NobodyThere final : public Answerer {
 public:
  void answer(Evidence& evidence) const override {
    for (Answer& answer : evidence.answers)
      if (answer.state == AnswerState::kOpen) answer.state = AnswerState::kNone;
  }
};

Message message_of(const std::string& bytes) {
  Message message;
  message.bytes = MessageBytes(bytes);
  message.from = "a@sender.example";
  message.recipients = {"c@d.example"};
  message.recipients_known = true;
  message.helo = "mail.sender.example";
  message.hostname = "mail.sender.example";
  message.ip.family = 4;
  const uint8_t ip[] = {0xFF, 0xFF, 203, 0, 113, 9};
  std::memcpy(message.ip.bytes + 10, ip, sizeof(ip));
  return message;
}

void count_functions(const RuleSet& rules, Worker& worker) {
  for (const FunctionPlan::Entry& entry : rules.functions.entries()) {
    FunctionPlan alone;
    (void)alone.add(entry.spec, entry.atom);
    functions(alone, worker.functions, worker.batch);
    const Counting count("function " + entry.spec.canonical);
    functions(alone, worker.functions, worker.batch);
  }
}

void run_once(const Run& run, const RuleSet& rules, Worker& worker, const std::string& bytes) {
  std::vector<Message> messages;
  messages.push_back(message_of(bytes));
  std::vector<std::unique_ptr<Case>> cases;
  cases.push_back(std::make_unique<Case>());
  run.look(worker, messages, cases);
  count_functions(rules, worker);
  worker.batch.clear();
  const uint64_t before = steps_now();
  run.conclude(worker, *cases[0]);
  uint64_t judging = steps_now() - before;
  for (const auto& [part, steps] : parts)
    if (part.ends_with(" judge") || part.ends_with(" edit") || part.ends_with(" sign"))
      judging -= steps;
  parts["rules and composites"] = judging;
}

void print(const char* file) {
  for (const auto& [part, steps] : parts)
    std::printf("%s\t%s\t%" PRIu64 "\n", file, part.c_str(), steps);
}

void count_message(const Run& run, const RuleSet& rules, Worker& worker, const std::string& bytes) {
  run_once(run, rules, worker, bytes);
  (void)worker.match.take_counters();
  parts.clear();
  const uint64_t before = regex_steps();
  run_once(run, rules, worker, bytes);
  const MatchCounters counters = worker.match.take_counters();
  parts["databases"] = counters.bytes + counters.candidates;
  parts["patterns confirmed"] = regex_steps() - before;
}

void count_alone(const Run& run, const std::vector<Alone>& patterns, Worker& worker,
                 const std::string& bytes) {
  std::vector<Message> messages;
  messages.push_back(message_of(bytes));
  std::vector<std::unique_ptr<Case>> cases;
  cases.push_back(std::make_unique<Case>());
  run.look(worker, messages, cases);
  parts.clear();
  for (const Alone& one : patterns) {
    const uint64_t before = regex_steps();
    match(*one.plan, worker.match, worker.batch);
    parts[one.name] = regex_steps() - before;
  }
  worker.batch.clear();
}

int count_files(std::span<char* const> files, bool alone) {
  Result<Loaded> loaded = load_rules({});
  if (!loaded) {
    std::fprintf(stderr, "step_counter: %s\n", loaded.error().text().c_str());
    return 2;
  }
  // The rule set was made by this process and nobody else has it yet.
  const auto rules = std::const_pointer_cast<RuleSet>(loaded->rules);
  std::shared_ptr<const MatchPlan> built = rules->match;
  if (loaded->build_databases) built = loaded->build_databases();
  const std::vector<Alone> patterns = alone ? patterns_alone(*rules) : std::vector<Alone>();
  Counted counted;
  count_checks(*rules, counted);
  const NobodyThere nobody;
  Run run(rules, nobody, {.now_ms = 1'792'575'000'000, .digest = true});
  run.use(count_patterns(*rules, *built));
  Worker worker(run);
  for (const char* const file : files) {
    std::ifstream in(file, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    if (alone)
      count_alone(run, patterns, worker, bytes);
    else
      count_message(run, *rules, worker, bytes);
    print(file);
  }
  return 0;
}

}  // namespace
}  // namespace winnow

int main(int argc, char** argv) {
  const bool alone = argc > 1 && std::string_view(argv[1]) == "--alone";
  const int first = alone ? 2 : 1;
  return winnow::count_files(std::span(argv + first, static_cast<size_t>(argc - first)), alone);
}
