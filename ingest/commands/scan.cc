// winnow scan: reads mail, prints a verdict for each message, in input order.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <thread>

#include "ingest/commands/argument_parser.h"
#include "ingest/commands/command.h"
#include "ingest/commands/heap.h"
#include "ingest/commands/output.h"
#include "ingest/commands/progress.h"
#include "ingest/commands/scan_options.h"
#include "ingest/commands/sources.h"
#include "ingest/evidence/files.h"
#include "ingest/evidence/needs.h"
#include "pipeline/lookup/answers.h"

namespace winnow {

namespace fs = std::filesystem;

namespace {

struct ScanCommand {
  ScanOptions common;
  std::string format = "table";
  std::string color = "auto";
  std::string record;
  std::string record_level = "full";
  std::string replay;
  bool perf = false;
  bool timings = false;
  SourceOptions sources;
  bool quiet = false;
};

void add_options(ArgumentParser& parser, ScanCommand& options) {
  options.common.add_to(parser);
  parser.add_option("--format", options.format, "table for people, jsonl or csv for programs")
      .one_of({"table", "jsonl", "csv"})
      .show_default();
  parser.add_option("--color", options.color, "colour of the table")
      .one_of({"auto", "always", "never"})
      .show_default();
  parser.add_option("--record", options.record,
                    "write the evidence of every message to FILE (.wev)");
  parser.add_option("--record-level", options.record_level, "how much of a message is recorded")
      .one_of({"full", "hashed", "hits"})
      .show_default();
  parser.add_option("--replay", options.replay,
                    "judge recorded evidence from FILE instead of mail");
  parser.add_flag("--perf", options.perf, "print the time of each stage to standard error");
  parser.add_flag("--timings", options.timings,
                  "add scan times to the output (two runs then differ)");
  parser.add_flag("--quiet", options.quiet, "no progress and no summary");
  options.sources.add_to(parser);
}

// Builds databases that were not cached beside the scan, and puts them in when they are there.
class DatabaseBuilder {
 public:
  DatabaseBuilder(Run& run, std::function<std::shared_ptr<const MatchPlan>()> build) {
    if (build) thread_ = std::thread([&run, build = std::move(build)] { run.use(build()); });
  }
  ~DatabaseBuilder() {
    if (thread_.joinable()) thread_.join();
  }

 private:
  std::thread thread_;
};

void print_perf(const StageTimes& times) {
  uint64_t sum = 0;
  for (const uint64_t ns : times.ns) sum += ns;
  print_aside("{:<10} {:>10} {:>8}\n", "stage", "us/message", "share");
  const double messages = std::max<double>(1, static_cast<double>(times.messages));
  for (size_t i = 0; i < times.ns.size(); ++i)
    print_aside("{:<10} {:>10.2f} {:>7.1f}%\n", kStageNames[i],
                static_cast<double>(times.ns[i]) / 1000 / messages,
                sum ? 100.0 * static_cast<double>(times.ns[i]) / static_cast<double>(sum) : 0);
  print_aside("{:<10} {:>10.2f}\n", "all", static_cast<double>(sum) / 1000 / messages);
  print_aside("{} messages in {} batches\n", times.messages, times.batches);
}

constexpr size_t kNamedRulesMax = 1000;

EvidenceLevel record_level(std::string_view name) {
  return name == "hashed" ? EvidenceLevel::kHashed
         : name == "hits" ? EvidenceLevel::kHits
                          : EvidenceLevel::kFull;
}

// Submits every message of a recording.
void replay(EvidenceInput& input, Flow& flow,
            const std::function<void(const std::string&)>& problem) {
  for (;;) {
    std::unique_ptr<Case> one = flow.new_case();
    Result<bool> more = input.reader().next(one->evidence);
    if (!more) return problem(more.error().text());
    if (!*more) return;
    flow.submit_evidence(std::move(one));
  }
}

int scan(ScanCommand& options) {
  prepare_heap(kCorpusMappedBytes);
  options.common.load.fetch_maps = !options.sources.offline;
  Result<Loaded> loaded = load_rules(options.common.load);
  if (!loaded) {
    complain("scan", loaded.error().text());
    return kExitUsage;
  }
  settle_heap();
  const RuleSet& rules = *loaded->rules;
  for (const ConfigWarning& warning : rules.warnings) complain("scan", warning.text());
  const auto warn = [](const std::string& what) { complain("scan", what); };
  AnswerSources sources;
  if (options.replay.empty()) {
    Result<AnswerSources> opened = open_sources(*loaded, options.sources, warn);
    if (!opened) {
      complain("scan", opened.error().text());
      return kExitUsage;
    }
    sources = std::move(*opened);
  }
  const TableAnswers answers(rules, warn, std::move(sources));
  RunOptions run_options;
  run_options.now_ms = options.common.now_ms;
  run_options.ip_from_received = options.common.ip_from_received;
  run_options.digest = !options.record.empty();
  run_options.seal_all = !options.record.empty();
  run_options.wall_times = !options.perf;
  Run run(loaded->rules, answers, run_options);

  const bool to_terminal = isatty(STDOUT_FILENO);
  const bool shows_progress = !options.quiet && isatty(STDERR_FILENO);
  Progress progress(shows_progress, shows_progress && options.replay.empty()
                                        ? input_bytes(options.common.paths)
                                        : 0);
  OutputOptions output_options;
  output_options.format = options.format == "jsonl" ? OutputFormat::kJsonLines
                          : options.format == "csv" ? OutputFormat::kCsv
                                                    : OutputFormat::kTable;
  output_options.color = options.color == "always" || (options.color == "auto" && to_terminal);
  output_options.flush_each = to_terminal;
  Output output(stdout, rules, output_options);

  std::unique_ptr<EvidenceInput> recorded;
  if (!options.replay.empty()) {
    Result<std::unique_ptr<EvidenceInput>> opened = EvidenceInput::open(options.replay, rules);
    if (!opened) {
      complain("scan", opened.error().text());
      return kExitUsage;
    }
    recorded = std::move(*opened);
  }
  std::unique_ptr<EvidenceFile> recording;
  if (!options.record.empty()) {
    Result<std::unique_ptr<EvidenceFile>> created =
        EvidenceFile::create(options.record, rules, record_level(options.record_level));
    if (!created) {
      complain("scan", created.error().text());
      return kExitUsage;
    }
    recording = std::move(*created);
  }

  bool recording_good = true;
  std::set<std::string> named_rules;  // that a replay cannot judge
  uint64_t problems = 0;
  const auto problem = [&](const std::string& where, const std::string& what) {
    progress.clear();
    complain("scan", fmt::format("{}: {}", where, what));
    ++problems;
  };
  // Ends last: verdicts are out before a cold cache is filled to its end.
  const DatabaseBuilder builder(run, loaded->build_databases);
  StageTimes times;
  {
    Flow flow(run, options.common.flow, [&](const Case& one) {
      output.add(one);
      if (recording && recording_good) recording_good = recording->add(one.evidence).has_value();
      if (recorded && named_rules.size() < kNamedRulesMax)
        for (std::string& rule :
             checks_without_evidence(rules.judge, recorded->names(), one.evidence))
          named_rules.insert(std::move(rule));
      progress.message();
    });
    if (recorded) {
      replay(*recorded, flow, [&](const std::string& what) { problem(options.replay, what); });
    } else {
      const ReadSink sink{
          .message =
              [&](Message&& message) {
                // A recording is to say all that a line of JSON says, however it is made.
                message.wants_links = options.format == "jsonl" || !options.record.empty();
                flow.submit(std::move(message));
                return true;
              },
          .problem = problem,
          .progress = [&](uint64_t bytes) { progress.add(bytes); },
      };
      read_messages(options.common.paths, options.common.read, sink);
    }
    flow.finish();
    times = flow.times();
  }
  progress.clear();
  if (recording) {
    const Result<void> finished = recording->finish();
    if (!finished || !recording_good)
      problem(options.record, finished ? "cannot be written" : finished.error().what);
  }
  if (recorded) {
    if (const std::string lacks = left_out_by(recorded->reader().level());
        !lacks.empty() && !options.quiet)
      complain("scan", options.replay + ": " + lacks);
    for (std::string& rule :
         rules_without_atoms(rules.judge, recorded->names(), recorded->reader()))
      named_rules.insert(std::move(rule));
    for (const std::string& rule : named_rules) problem(options.replay, rule);
  }
  output.flush();
  if (options.perf) print_perf(times);
  if (!options.quiet && options.format == "table") output.print_summary(stderr, problems);
  return problems ? kExitInputs : kExitGood;
}

}  // namespace

int scan_command(const std::vector<std::string>& arguments) {
  ArgumentParser parser(
      "Scans messages and prints a verdict for each: files, directories, Maildir, mbox, "
      "tar (.gz, .zst), JSON lines, \"-\" for standard input.",
      "winnow scan");
  ScanCommand options;
  add_options(parser, options);
  parser.add_option("PATH", options.common.paths, "what to scan");
  if (const std::optional<int> over = parser.parse(arguments)) return *over;
  if (options.common.paths.empty() && options.replay.empty()) {
    complain("scan", "nothing to scan: name a file or directory, or - for standard input");
    return kExitUsage;
  }
  if (std::error_code none;
      !options.replay.empty() && fs::equivalent(options.replay, options.record, none)) {
    complain("scan", "--record and --replay name the same file");
    return kExitUsage;
  }
  if (!options.common.paths.empty() && !options.replay.empty()) {
    complain("scan", "--replay judges what was recorded: name no mail beside it");
    return kExitUsage;
  }
  if (Result<void> good = options.common.finish(); !good) {
    complain("scan", good.error().text());
    return kExitUsage;
  }
  return scan(options);
}

}  // namespace winnow
