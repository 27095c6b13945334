// winnow learn-log: looks into the learning log, takes it along, and changes what was learnt.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <optional>
#include <tuple>

#include "engine/crypt/hex_text.h"
#include "ingest/commands/argument_parser.h"
#include "ingest/commands/command.h"
#include "ingest/commands/learn_import.h"
#include "ingest/commands/scan_options.h"
#include "ingest/rfc3339.h"
#include "pipeline/learn/canaries.h"
#include "pipeline/learn/evaluate.h"
#include "pipeline/learn/open_statistics.h"
#include "pipeline/learn/rebuild.h"
#include "pipeline/learn/redis_journal.h"
#include "pipeline/learn/statistics.h"
#include "rules/checks/learned/bayes.h"

namespace winnow {

namespace {

struct LearnLogCommand {
  RulesOptions load;
  LearnImport import;
  std::string action, statistics, who, user, label, digest, until, to;
  bool until_damage = false, refused = false;
};

int say(const Error& error) {
  complain("learn-log", error.text());
  return kExitInputs;
}

template <class Bytes>
std::string hex(const Bytes& bytes) {
  std::string out;
  append_hex(bytes, out);
  return out;
}

bool read_digest(std::string_view text, LearnDigest& out) {
  std::string bytes;
  if (!read_hex(text, bytes) || bytes.size() != out.size()) return false;
  std::ranges::copy(bytes, out.begin());
  return true;
}

std::string_view kind_name(const LearnRecord& record) {
  return record.kind == LearnKind::kForget   ? "forget"
         : record.kind == LearnKind::kCounts ? "counts"
                                             : record.label.name();
}

// Which records are meant.
struct Chosen {
  std::optional<int64_t> until_ms;
  std::optional<uint64_t> scope;
  std::optional<LearnDigest> digest;
  std::string label, who;

  bool has(const LearnRecord& record) const {
    return (!until_ms || record.time_ms <= *until_ms) && (!scope || record.scope == *scope) &&
           (!digest || record.digest == *digest) && (who.empty() || record.who == who) &&
           (label.empty() || kind_name(record) == label);
  }
};

Result<Chosen> chosen(const LearnLogCommand& options) {
  Chosen out;
  out.label = options.label;
  out.who = options.who;
  if (!options.until.empty()) {
    out.until_ms = parse_rfc3339(options.until);
    if (!out.until_ms)
      return fail(fmt::format("--until takes an RFC 3339 time, not \"{}\"", options.until));
  }
  if (!options.user.empty()) out.scope = statistics_scope(options.user);
  if (!options.digest.empty()) {
    out.digest.emplace();
    if (!read_digest(options.digest, *out.digest))
      return fail(fmt::format("a digest is 32 digits of hex, not \"{}\"", options.digest));
  }
  return out;
}

uint32_t token_count(const LearnRecord& record) {
  TokenList list;
  TokenCounts counts;
  if (record.kind == LearnKind::kCounts) {
    read_counts(record, list, counts);
    return static_cast<uint32_t>(list.hashes.size());
  }
  return read_token_question(record.tokens, list) ? static_cast<uint32_t>(list.hashes.size()) : 0;
}

int list(const LearningLog& log, const Chosen& which) {
  const Result<void> walked = walk_log(log, [&](uint64_t, const LearnRecord& record) {
    if (which.has(record))
      fmt::print("{}\t{}\t{}\t{}\t{:016x}\t{} tokens\t{}\n", format_rfc3339(record.time_ms),
                 kind_name(record), hex(record.digest), record.who, record.scope,
                 token_count(record), record.symbols);
    return true;
  });
  return walked ? kExitGood : say(walked.error());
}

// A name as JSON: what is no printable ASCII is left out, so that no escape is needed.
std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text)
    if (c >= ' ' && c < 127 && c != '"' && c != '\\') out += c;
  return out + '"';
}

int export_log(const LearningLog& log, const Chosen& which, bool until_damage) {
  const Result<void> walked = walk_log(log, [&](uint64_t, const LearnRecord& record) {
    if (which.has(record))
      fmt::print(
          "{{\"time_ms\":{},\"kind\":\"{}\",\"who\":{},\"scope\":\"{:016x}\",\"tokenizer\":\"{}\","
          "\"digest\":\"{}\",\"tokens\":\"{}\",\"symbols\":{}}}\n",
          record.time_ms, kind_name(record), json_text(record.who), record.scope,
          record.tokenizer == Tokenizer::kOsb ? "osb" : "winnow", hex(record.digest),
          hex(record.tokens), json_text(record.symbols));
    return true;
  });
  if (!walked && !until_damage) return say(walked.error());
  if (!walked) complain("learn-log", walked.error().text());
  return kExitGood;
}

// The messages that are learnt now, as the last record of each says.
Result<std::vector<LearnRecord>> learnt_now(const LearningLog& log, const Chosen& which) {
  std::map<std::tuple<Tokenizer, uint64_t, LearnDigest>, LearnRecord> now;
  Chosen any = which;
  any.label.clear(), any.who.clear();
  const Result<void> walked = walk_log(log, [&](uint64_t, const LearnRecord& record) {
    if (!any.has(record)) return true;
    const auto key = std::tuple(record.tokenizer, record.scope, record.digest);
    if (record.kind == LearnKind::kForget)
      now.erase(key);
    else
      now[key] = record;
    return true;
  });
  if (!walked) return fail(walked.error());
  std::vector<LearnRecord> out;
  for (auto& [key, record] : now)
    if (which.has(record)) out.push_back(std::move(record));
  return out;
}

int change(const LearnLogCommand& options, TokenStatistics& statistics, const Chosen& which) {
  const bool forget = options.action == "forget";
  if (!which.digest && !which.scope && which.who.empty() && which.label.empty()) {
    complain("learn-log", "say what is meant: --digest, --user, --by or --label");
    return kExitUsage;
  }
  Result<std::vector<LearnRecord>> records = learnt_now(statistics.log(), which);
  if (!records) return say(records.error());
  const int64_t now = clock_ms();
  if (!forget)  // counts that were taken over have no class
    std::erase_if(*records,
                  [](const LearnRecord& record) { return record.kind == LearnKind::kCounts; });
  for (LearnRecord& record : *records) {
    record.time_ms = now;
    record.who = "learn-log";
    if (forget) {
      record.kind = LearnKind::kForget;
      record.tokens.clear(), record.symbols.clear();
    } else {
      record.label = LearnLabel::of(options.to).value_or(LearnLabel::kSpam);
    }
  }
  const auto done = statistics.learn(*records);
  if (!done) return say(done.error());
  const auto changed = std::ranges::count_if(
      *done, [](Learnt what) { return what == Learnt::kMoved || what == Learnt::kForgotten; });
  print_aside("{} messages {}\n", changed, forget ? "forgotten" : "relabelled");
  return changed > 0 ? kExitGood : kExitFindings;
}

int as_of(const LearnLogCommand& options, const LearningLog& log, const Chosen& which) {
  if (!which.until_ms || options.to.empty()) {
    complain("learn-log", "as-of takes --until TIME and --to FOLDER");
    return kExitUsage;
  }
  const Result<uint64_t> records = copy_as_of(log, *which.until_ms, options.to);
  if (!records) return say(records.error());
  print_aside("{} records\n", *records);
  return kExitGood;
}

int evaluate_log(const LearnLogCommand& options, const LearningLog& log, const Chosen& which) {
  Result<Loaded> loaded = load_rules(options.load);
  if (!loaded) {
    complain("learn-log", loaded.error().text());
    return kExitUsage;
  }
  const BayesPlan* const plan = find_bayes(*loaded->rules);
  if (!plan) {
    complain("learn-log", "the classifier is off in this configuration");
    return kExitUsage;
  }
  Evaluation evaluation(plan->bayes, plan->tokenizer);
  const Result<void> walked = walk_log(log, [&](uint64_t, const LearnRecord& record) {
    if (which.until_ms && record.time_ms > *which.until_ms) return true;
    const Opinion opinion = evaluation.next(record);
    if (record.kind == LearnKind::kLearn && which.has(record) &&
        record.tokenizer == plan->tokenizer)
      fmt::print("{}\t{}\t{}\t{:.6f}\t{:.6f}\n", hex(record.digest), kind_name(record),
                 opinion.known ? "known" : "unknown", opinion.odds, opinion.probability);
    return true;
  });
  if (!walked) return say(walked.error());
  print_aside("{}\n", evaluation.summary());
  return kExitGood;
}

// What the canaries say of the model as it is.
int canaries_say(const LearnLogCommand& options, const std::string& folder) {
  Result<Loaded> loaded = load_rules(options.load);
  if (!loaded) {
    complain("learn-log", loaded.error().text());
    return kExitUsage;
  }
  const BayesPlan* const plan = find_bayes(*loaded->rules);
  const auto statistics = TokenStatistics::open({.folder = folder, .read_only = true});
  if (!plan || !statistics) {
    complain("learn-log",
             plan ? statistics.error().text() : "the classifier is off in this configuration");
    return kExitUsage;
  }
  const Result<Canaries> canaries = Canaries::open(folder, plan->bayes, plan->tokenizer);
  if (!canaries) return say(canaries.error());
  const auto verdict = canaries->judge(counts_now(**statistics));
  if (!verdict) return say(verdict.error());
  fmt::print("{} canaries: {}\n", canaries->size(), verdict->text());
  return kExitGood;
}

int retry(const LearnLogCommand& options, const std::string& folder) {
  Result<Loaded> loaded = load_rules(options.load);
  if (!loaded) {
    complain("learn-log", loaded.error().text());
    return kExitUsage;
  }
  auto statistics = open_statistics(*loaded, folder, OpenStatistics::kLearn);
  if (!statistics) {
    complain("learn-log", statistics.error().text());
    return kExitUsage;
  }
  if (!*statistics) return kExitGood;
  const Result<uint64_t> taken = (*statistics)->retry();
  if (!taken) return say(taken.error());
  print_aside("{} records tried again\n", *taken);
  const std::string problem = (*statistics)->take_problem();
  if (problem.empty()) return kExitGood;
  complain("learn-log", problem);
  return kExitInputs;
}

// Why --to is no class of the site; empty: it is one.
std::string no_class(const LearnLogCommand& options) {
  Result<Loaded> loaded = load_rules(options.load);
  if (!loaded) return loaded.error().text();
  const BayesPlan* const plan = find_bayes(*loaded->rules);
  if (!plan) return "the classifier is off in this configuration";
  if (plan->find(options.to)) return "";
  return plan->class_list();
}

int run(const LearnLogCommand& options) {
  const std::string folder = statistics_folder(options.statistics, options.load);
  const Result<Chosen> which = chosen(options);
  if (!which) {
    complain("learn-log", which.error().text());
    return kExitUsage;
  }
  const std::string& action = options.action;
  const bool redis =
      !TokenStatistics::exists(folder) && std::filesystem::exists(redis_learning_log_path(folder));
  if (action == "list" || action == "export" || action == "as-of" || action == "evaluate") {
    const auto log = LearningLog::open(options.refused ? redis_refused_log_path(folder)
                                       : redis         ? redis_learning_log_path(folder)
                                                       : learning_log_path(folder),
                                       LearningLog::Mode::kRead);
    if (!log) {
      complain("learn-log", log.error().text());
      return kExitUsage;
    }
    // A journal begins anew once it is delivered: not while it is read.
    std::optional<Result<LearningLog::Lock>> held;
    if (redis) held.emplace((*log)->lock());
    if (held && !*held) return say(held->error());
    if (action == "list") return list(**log, *which);
    if (action == "export") return export_log(**log, *which, options.until_damage);
    if (action == "as-of") return as_of(options, **log, *which);
    return evaluate_log(options, **log, *which);
  }
  if (action == "canaries") return canaries_say(options, folder);
  if (action == "retry") return retry(options, folder);
  if (action == "import") return import_learning(options.import, options.load, folder);
  if (redis) {
    complain("learn-log",
             "these statistics are in Redis: `winnow learn` learns, moves and forgets there");
    return kExitUsage;
  }
  if (action == "relabel")
    if (const std::string wrong = no_class(options); !wrong.empty()) {
      complain("learn-log", "relabel takes --to a class: " + wrong);
      return kExitUsage;
    }
  auto statistics = TokenStatistics::open({.folder = folder});
  if (!statistics) {
    complain("learn-log", statistics.error().text());
    return kExitUsage;
  }
  if (action != "rebuild") return change(options, **statistics, *which);
  const Result<uint64_t> differ = rebuild_in_place(**statistics, folder);
  if (!differ) return say(differ.error());
  print_aside("{} rows differed and are mended\n", *differ);
  return kExitGood;
}

}  // namespace

int learn_log_command(const std::vector<std::string>& arguments) {
  ArgumentParser parser(
      "Looks into the log of what was learnt and changes what is in it:\n"
      "  list       a line for each record: time, class, digest, who, scope, tokens, symbols\n"
      "  export     the records as JSON lines; import FILE takes them in again\n"
      "  import     takes in an export, `statistics_dump dump` of rspamadm, `bogoutil -d`, or\n"
      "             `sa-learn --backup` (with --words): what they count, and not their messages\n"
      "  rebuild    makes the counts anew from the log and mends what differs\n"
      "  forget     undoes what was learnt of the messages chosen\n"
      "  relabel    learns the messages chosen as the class --to\n"
      "  retry      delivers again what Redis refused (--refused lists it)\n"
      "  canaries   what the messages of `winnow learn --canaries` say of the model\n"
      "  as-of      statistics as they were at --until, in the folder --to\n"
      "  evaluate   what the classifier would have said of each message before it was learnt:\n"
      "             digest, class, whether it knew enough, log odds, probability",
      "winnow learn-log");
  LearnLogCommand options;
  add_place_options(parser, options.load);
  parser.add_option("--statistics", options.statistics,
                    "folder of what is learnt (default: $DBDIR/statistics of the configuration)");
  parser.add_option("--digest", options.digest, "the message with this digest");
  parser.add_option("--user", options.user, "of this user's own statistics");
  parser.add_option("--label", options.label, "of this class, or forget, or counts");
  parser.add_option("--by", options.who, "learnt by: learn, controller, …");
  parser.add_option("--until", options.until, "up to this time, RFC 3339");
  parser.add_option("--to", options.to, "the class, or the folder");
  parser.add_flag("--until-damage", options.until_damage, "export what is before the first damage");
  parser.add_flag("--refused", options.refused, "look at what Redis refused");
  parser.add_option("ACTION", options.action, "what to do")
      .one_of({"list", "export", "import", "rebuild", "retry", "canaries", "forget", "relabel",
               "as-of", "evaluate"})
      .required();
  parser.add_option("FILE", options.import.file, "for import; - for standard input");
  parser
      .add_option("--words", options.import.words,
                  "import of sa-learn: dictionaries, word lists or mail with the words to try")
      .one_each_time();
  parser.add_option("--language", options.import.language, "import of words: of most of the mail")
      .show_default();
  if (const std::optional<int> over = parser.parse(arguments)) return *over;
  return run(options);
}

}  // namespace winnow
