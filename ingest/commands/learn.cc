// winnow learn: learns messages as spam or ham into the site's statistics.
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <map>
#include <optional>

#include "ingest/commands/argument_parser.h"
#include "ingest/commands/command.h"
#include "ingest/commands/heap.h"
#include "ingest/commands/progress.h"
#include "ingest/commands/scan_options.h"
#include "pipeline/learn/autolearn.h"
#include "pipeline/learn/canaries.h"
#include "pipeline/learn/examine.h"
#include "pipeline/learn/open_statistics.h"
#include "rules/checks/learned/bayes.h"

namespace winnow {

namespace {

struct LearnCommand {
  ScanOptions common;
  std::string statistics, label, who = "learn", user;
  bool canaries = false, force = false;
  bool dry_run = false, forget = false, labelled = false, quiet = false, verbose = false;
};

// So many messages are one step of the log and the model: more is faster, and more is done again
// after a death.
constexpr size_t kStepMessages = 1'024;
constexpr size_t kStepBytes = 32 << 20;

constexpr std::array<std::string_view, 8> kOutcomes{"learnt",  "moved", "already",  "forgotten",
                                                    "unknown", "later", "held out", "refused"};

// Gathers records and learns them step by step.
class Learner {
 public:
  Learner(SiteStatistics* statistics, bool dry_run, bool verbose)
      : statistics_(statistics), dry_run_(dry_run), verbose_(verbose) {}
  // What would make the canaries judge worse is not learnt. REQUIRED: both outlive this.
  void ask(const Canaries& canaries, const TokenStatistics& folder) {
    canaries_ = &canaries;
    folder_ = &folder;
  }

  void add(LearnRecord&& record, std::string source) {
    bytes_ += record.tokens.size();
    records_.push_back(std::move(record));
    sources_.push_back(std::move(source));
    if (records_.size() >= kStepMessages || bytes_ >= kStepBytes) step();
  }
  // A line of a message that is not learnt: the lines stand in the order of the messages.
  void say(std::string&& line) { lines_.emplace_back(records_.size(), std::move(line)); }
  void step() {
    if (records_.empty()) say_up_to(0);
    if (records_.empty() || problem_) return;
    if (canaries_ && canaries_->size() > 0)
      if (Result<void> good = ask_canaries(); !good) {
        problem_ = good.error();
        return;
      }
    // Without statistics (a dry run before the first message) all is new, once.
    Result<std::vector<Learnt>> done = !statistics_ ? first(records_)
                                       : dry_run_   ? statistics_->try_learn(records_)
                                                    : statistics_->learn(records_);
    if (!done) {
      problem_ = done.error();
    } else {
      for (size_t i = 0; i < done->size(); ++i) {
        const auto what = static_cast<size_t>((*done)[i]);
        ++counts_[what];
        if (!verbose_) continue;
        say_up_to(i);
        fmt::print("{}\t{}\n", kOutcomes[what], sources_[i]);
      }
      say_up_to(records_.size());
    }
    records_.clear();
    sources_.clear();
    bytes_ = 0;
  }
  const std::optional<Error>& problem() const { return problem_; }
  const std::array<uint64_t, kOutcomes.size()>& counts() const { return counts_; }

 private:
  void say_up_to(size_t record) {
    size_t n = 0;
    for (; n < lines_.size() && lines_[n].first <= record; ++n) fmt::print("{}", lines_[n].second);
    lines_.erase(lines_.begin(), lines_.begin() + static_cast<ptrdiff_t>(n));
  }
  Result<void> ask_canaries() const {
    const auto now = canaries_->judge(counts_now(*folder_));
    if (!now) return fail(now.error());
    const auto then = canaries_->judge(counts_with(*folder_, records_));
    if (!then) return fail(then.error());
    if (!then->is_worse_than(*now)) return {};
    return fail(
        fmt::format("the next {} messages, from {} on, are not learnt: with them the canaries "
                    "would say {}; now "
                    "they say {}. Look at these messages; --force learns them all the same",
                    records_.size(), sources_.front(), then->text(), now->text()));
  }
  Result<std::vector<Learnt>> first(std::span<const LearnRecord> records) {
    std::vector<Learnt> out;
    for (const LearnRecord& record : records) {
      const auto found = seen_.find(record.digest);
      const bool learn = record.kind == LearnKind::kLearn;
      out.push_back(!learn                          ? Learnt::kUnknown
                    : found == seen_.end()          ? Learnt::kNew
                    : found->second == record.label ? Learnt::kSame
                                                    : Learnt::kMoved);
      if (learn) seen_[record.digest] = record.label;
    }
    return out;
  }

  SiteStatistics* const statistics_;
  const bool dry_run_, verbose_;
  const Canaries* canaries_ = nullptr;
  const TokenStatistics* folder_ = nullptr;
  std::vector<LearnRecord> records_;
  std::vector<std::string> sources_;
  std::vector<std::pair<size_t, std::string>> lines_;  // each before the record of that number
  size_t bytes_ = 0;
  std::array<uint64_t, kOutcomes.size()> counts_{};
  std::map<LearnDigest, LearnLabel> seen_;
  std::optional<Error> problem_;
};

int learn(LearnCommand& options) {
  prepare_heap(kCorpusMappedBytes);
  Result<Loaded> loaded = load_rules(options.common.load);
  if (!loaded) {
    complain("learn", loaded.error().text());
    return kExitUsage;
  }
  settle_heap();
  const std::string folder = statistics_folder(options.statistics, options.common.load);
  auto opened = open_statistics(*loaded, folder,
                                options.dry_run ? OpenStatistics::kLook : OpenStatistics::kLearn);
  if (!opened) {
    complain("learn", opened.error().text());
    return kExitUsage;
  }
  const std::shared_ptr<SiteStatistics> statistics = std::move(*opened);
  Examiner examiner(loaded->rules);
  if (!examiner.can_learn()) {
    complain("learn", "the classifier is off in this configuration");
    return kExitUsage;
  }

  const BayesPlan& plan = *find_bayes(*loaded->rules);
  if (!options.labelled && !options.forget && !plan.find(options.label)) {
    complain("learn", fmt::format("there is no class {} in this configuration; there are {}",
                                  options.label, plan.class_list()));
    return kExitUsage;
  }
  const bool shows_progress = !options.quiet && isatty(STDERR_FILENO);
  Progress progress(shows_progress, shows_progress ? input_bytes(options.common.paths) : 0);
  uint64_t problems = 0, empty = 0, few = 0;
  const auto problem = [&](const std::string& where, const std::string& what) {
    progress.clear();
    complain("learn", fmt::format("{}: {}", where, what));
    ++problems;
  };
  Learner learner(statistics.get(), options.dry_run, options.verbose);
  auto* const own = dynamic_cast<TokenStatistics*>(statistics.get());
  Result<Canaries> canaries = Canaries::open(folder, plan.bayes, plan.tokenizer);
  if (!canaries) {
    complain("learn", canaries.error().text());
    return kExitInputs;
  }
  if (own && !options.force && !options.forget) learner.ask(*canaries, *own);
  if (options.canaries && (!own || options.dry_run || options.forget)) {
    complain("learn", "--canaries is for what is learnt, and for statistics in a folder");
    return kExitUsage;
  }
  std::vector<LearnRecord> held_out;
  {
    RunOptions run_options = Examiner::run_options();
    run_options.now_ms = options.common.now_ms;
    Run run(loaded->rules, examiner.answerer(), run_options);
    Flow flow(run, options.common.flow, [&](const Case& one) {
      LearnRecord record;
      if (!learn_record(*loaded->rules, one, record)) {
        ++empty;
        if (options.verbose) learner.say(fmt::format("empty\t{}\n", one.evidence.source));
      } else if (const std::string why =
                     options.forget ? "" : too_few_tokens(*loaded->rules, record);
                 !why.empty()) {
        ++few;
        if (options.verbose)
          learner.say(fmt::format("too few\t{}\tless tokens than required: {}\n",
                                  one.evidence.source, why));
      } else {
        record.kind = options.forget ? LearnKind::kForget : LearnKind::kLearn;
        const std::string_view label =
            options.labelled ? one.evidence.label : std::string_view(options.label);
        record.label = LearnLabel::of(label).value_or(LearnLabel::kSpam);
        // Labelled mail is of other days: each message was learnt when it came.
        record.time_ms = options.labelled ? one.evidence.envelope.now_ms : options.common.now_ms;
        record.who = options.who;
        if (options.canaries)
          held_out.push_back(std::move(record));
        else
          learner.add(std::move(record), std::string(one.evidence.source));
      }
      progress.message();
    });
    const ReadSink sink{
        .message =
            [&](Message&& message) {
              if (learner.problem()) return false;
              if (options.labelled && !plan.find(message.label)) {
                problem(message.source, "has no label: " + plan.class_list());
                return true;
              }
              if (!options.user.empty()) {
                message.recipients = {options.user};
                message.recipients_known = true;
              }
              flow.submit(std::move(message));
              return true;
            },
        .problem = problem,
        .progress = [&](uint64_t bytes) { progress.add(bytes); },
    };
    read_messages(options.common.paths, options.common.read, sink);
    flow.finish();
  }
  learner.step();
  progress.clear();
  if (options.canaries) {
    const Result<uint64_t> fresh = add_canaries(*own, folder, held_out);
    if (!fresh) {
      complain("learn", fresh.error().text());
      return kExitInputs;
    }
    if (!options.quiet) print_aside("{} canaries more\n", *fresh);
    return problems ? kExitInputs : kExitGood;
  }
  if (statistics)
    if (const std::string what = statistics->take_problem(); !what.empty()) {
      complain("learn", what);
      ++problems;
    }
  if (learner.problem()) {
    complain("learn", learner.problem()->text());
    return kExitInputs;
  }
  if (!options.quiet) {
    std::string line;
    for (size_t i = 0; i < kOutcomes.size(); ++i) {
      const auto what = static_cast<Learnt>(i);
      const bool forgetting = what == Learnt::kForgotten || what == Learnt::kUnknown;
      const bool seldom =
          what == Learnt::kLater || what == Learnt::kHeldOut || what == Learnt::kRefused;
      const bool shown = seldom ? learner.counts()[i] > 0 : forgetting == options.forget;
      if (shown)
        line += fmt::format("{}{} {}", line.empty() ? "" : ", ", learner.counts()[i], kOutcomes[i]);
    }
    std::string few_and_empty = empty ? fmt::format(", {} without tokens", empty) : "";
    if (few > 0)
      few_and_empty += fmt::format(", {} with less tokens than min_tokens = {}: not learnt", few,
                                   plan.bayes.min_tokens);
    // Who named no folder is told which it was.
    const std::string where = own && options.statistics.empty() ? " in " + folder : "";
    print_aside("{}{}{}{}{}\n", options.dry_run ? "would be: " : "", line, where, few_and_empty,
                problems ? fmt::format(", {} problems", problems) : "");
  }
  return problems ? kExitInputs : kExitGood;
}

}  // namespace

int learn_command(const std::vector<std::string>& arguments) {
  ArgumentParser parser(
      "Learns messages as spam, ham or another class: files, directories, Maildir, mbox, tar (.gz, "
      ".zst), JSON\n"
      "lines, \"-\" for standard input. What was learnt so already is left out, so a run that was\n"
      "broken off is simply started again; what was learnt as another class moves.",
      "winnow learn");
  LearnCommand options;
  options.common.add_to(parser);
  parser.add_option("--statistics", options.statistics,
                    "folder of what is learnt (default: $DBDIR/statistics of the configuration)");
  parser.add_option("--user", options.user, "whose statistics, with per_user (default: recipient)");
  parser.add_option("--who", options.who, "what the log says who learnt it").show_default();
  parser.add_flag("--canaries", options.canaries,
                  "keep them as canaries: never learnt, they tell a model that got worse");
  parser.add_flag("--force", options.force, "learn also what makes the canaries judge worse");
  parser.add_flag("--dry-run", options.dry_run, "say what would be learnt, change nothing");
  parser.add_flag("--verbose", options.verbose, "a line for each message: what became of it");
  parser.add_flag("--quiet", options.quiet, "no progress and no summary");
  parser
      .add_option("CLASS", options.label,
                  "spam, ham or another class of the configuration; forget; or labelled: as JSON "
                  "lines or folders say")
      .required();
  parser.add_option("PATH", options.common.paths, "what to learn").required();
  if (const std::optional<int> over = parser.parse(arguments)) return *over;
  options.forget = options.label == "forget";
  options.labelled = options.label == "labelled";
  if (Result<void> good = options.common.finish(); !good) {
    complain("learn", good.error().text());
    return kExitUsage;
  }
  return learn(options);
}

}  // namespace winnow
