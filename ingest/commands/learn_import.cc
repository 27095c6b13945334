#include "ingest/commands/learn_import.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>

#include "ingest/commands/command.h"
#include "ingest/commands/scan_options.h"
#include "pipeline/learn/foreign_words.h"
#include "pipeline/learn/open_statistics.h"
#include "pipeline/learn/rspamd_dump.h"
#include "rules/checks/learned/bayes.h"

namespace winnow {

namespace {

constexpr size_t kStepRecords = 1'024;

// What is wrong with a line, or empty.
std::string read_line(const simdjson::dom::element& object, LearnRecord& record) {
  const auto text = [&](const char* key) {
    std::string_view value;
    return object[key].get(value) == simdjson::SUCCESS ? value : std::string_view();
  };
  int64_t time = 0;
  if (object["time_ms"].get(time) != simdjson::SUCCESS) return "has no time_ms";
  record.time_ms = time;
  const std::string_view kind = text("kind"), tokenizer = text("tokenizer");
  record.kind = kind == "forget"   ? LearnKind::kForget
                : kind == "counts" ? LearnKind::kCounts
                                   : LearnKind::kLearn;
  const std::optional<LearnLabel> label = LearnLabel::of(kind);
  if (!label) return "has a kind that is no class, forget or counts";
  if (record.kind == LearnKind::kLearn) record.label = *label;
  record.tokenizer = tokenizer == "osb" ? Tokenizer::kOsb : Tokenizer::kWinnow;
  record.who = text("who");
  record.symbols = text("symbols");
  std::string scope, digest;
  if (!read_hex(text("scope"), scope) || scope.size() != 8) return "has no scope of 16 digits";
  record.scope = 0;
  for (const char c : scope) record.scope = record.scope << 8 | static_cast<uint8_t>(c);
  if (!read_hex(text("digest"), digest) || digest.size() != record.digest.size())
    return "has no digest of 32 digits";
  std::ranges::copy(digest, record.digest.begin());
  if (!read_hex(text("tokens"), record.tokens)) return "has tokens that are no hex";
  std::string bytes;
  append_record(record, bytes);
  LearnRecord same;
  return read_record(bytes, same) ? "" : "has tokens that do not fit its tokenizer and scope";
}

class Import {
 public:
  Import(const LearnImport& options, SiteStatistics& statistics)
      : options_(options), statistics_(statistics) {}

  // Our own export. What is wrong is said, the rest is taken.
  Result<void> take_log(std::istream& in) {
    simdjson::dom::parser parser;
    std::vector<LearnRecord> records;
    uint64_t number = 0;
    const auto step = [&]() -> Result<void> {
      const auto done = statistics_.learn(records);
      if (!done) return fail(done.error());
      taken_ += static_cast<uint64_t>(std::ranges::count_if(
          *done, [](Learnt what) { return what != Learnt::kSame && what != Learnt::kUnknown; }));
      records.clear();
      return {};
    };
    for (std::string line; std::getline(in, line);) {
      ++number;
      simdjson::dom::element object;
      LearnRecord record;
      const bool parsed = parser.parse(line).get(object) == simdjson::SUCCESS;
      const std::string wrong = parsed ? read_line(object, record) : "is no JSON";
      if (!wrong.empty()) {
        complain("learn-log", fmt::format("{}:{}: {}", options_.file, number, wrong));
        ++problems_;
        continue;
      }
      records.push_back(std::move(record));
      if (records.size() < kStepRecords) continue;
      if (Result<void> done = step(); !done) return done;
    }
    if (Result<void> done = step(); !done) return done;
    print_aside("{} of {} records were new\n", taken_, number - problems_);
    return {};
  }

  Result<void> take_dump(std::istream& in) {
    std::map<std::string, CountTable> tables;
    Result<void> read =
        read_rspamd_dump(in, [&](DumpedKey&& key) { return add_dumped(key, tables); });
    if (!read) return read;
    std::vector<LearnRecord> records;
    uint64_t tokens = 0;
    LearnCount learns;
    for (const auto& [key, table] : tables) {
      append_counts_records(table, records);
      tokens += table.counts.size();
      learns.spam += table.learns.spam, learns.ham += table.learns.ham;
    }
    return learn(std::move(records), "import:rspamd", learns, fmt::format("{} tokens", tokens));
  }

  Result<void> take_words(std::istream& in, WordListForm form) {
    const bool sa = form == WordListForm::kSpamAssassin;
    Vocabulary vocabulary;
    if (sa && options_.words.empty())
      return fail(
          "the words of sa-learn are hashes: name files with the words to try by --words "
          "(a dictionary, `bogoutil -d`, mail)");
    for (const std::string& path : options_.words) {
      std::ifstream file(path, std::ios::binary);
      if (!file) return fail({.what = "cannot be read", .file = path});
      add_vocabulary(file, vocabulary);
    }
    const Result<CountTable> table = sa ? read_sa_learn(in, options_.language, vocabulary)
                                        : read_bogofilter(in, options_.language);
    if (!table) return fail(table.error());
    std::vector<LearnRecord> records;
    append_counts_records(*table, records);
    return learn(std::move(records), sa ? "import:sa-learn" : "import:bogofilter", table->learns,
                 fmt::format("{} of {} words", table->used, table->lines));
  }
  uint64_t problems() const { return problems_; }

 private:
  Result<void> learn(std::vector<LearnRecord> records, const std::string& who, LearnCount learns,
                     const std::string& what) {
    const size_t all = records.size();
    const Result<uint64_t> fresh = learn_counts(statistics_, std::move(records), who);
    if (!fresh) return fail(fresh.error());
    fmt::print(
        stderr, "{} of {} spam and {} ham taken over{}\n", what, learns.spam, learns.ham,
        *fresh == all ? "" : fmt::format("; {} of {} records were there", all - *fresh, all));
    return {};
  }

  const LearnImport& options_;
  SiteStatistics& statistics_;
  uint64_t taken_ = 0, problems_ = 0;
};

Result<uint64_t> take(const LearnImport& options, SiteStatistics& statistics, std::istream& in,
                      Tokenizer tokenizer) {
  std::string first;
  const std::istream::pos_type begin = in.tellg();
  std::getline(in, first);
  in.clear();
  in.seekg(begin);
  if (!in) return fail("what comes through a pipe cannot be read twice: name a file");
  Import import(options, statistics);
  Result<void> good;
  if (const WordListForm form = word_list_form(first); form != WordListForm::kNone) {
    if (tokenizer != Tokenizer::kWinnow)
      return fail(
          "the tokenizer of this configuration is osb, whose tokens are pairs of words: a "
          "list of words says nothing to it");
    good = import.take_words(in, form);
  } else if (first.starts_with('"') || first.starts_with("{\"pattern\"")) {
    good = import.take_dump(in);
  } else {
    good = import.take_log(in);
  }
  if (!good) return fail(good.error());
  return import.problems();
}

}  // namespace

bool read_hex(std::string_view text, std::string& out) {
  const auto digit = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  out.clear();
  if (text.size() % 2 != 0) return false;
  for (size_t i = 0; i < text.size(); i += 2) {
    const int high = digit(text[i]), low = digit(text[i + 1]);
    if (high < 0 || low < 0) return false;
    out += static_cast<char>(high << 4 | low);
  }
  return true;
}

Result<uint64_t> learn_counts(SiteStatistics& statistics, std::vector<LearnRecord> records,
                              const std::string& who) {
  uint64_t fresh = 0;
  const int64_t now = clock_ms();
  for (LearnRecord& record : records) {
    record.time_ms = now;
    record.who = who;
  }
  for (size_t at = 0; at < records.size(); at += kStepRecords) {
    const size_t n = std::min(kStepRecords, records.size() - at);
    const auto done = statistics.learn(std::span(records).subspan(at, n));
    if (!done) return fail(done.error());
    fresh += static_cast<uint64_t>(std::ranges::count(*done, Learnt::kNew)) +
             static_cast<uint64_t>(std::ranges::count(*done, Learnt::kLater));
  }
  return fresh;
}

int import_learning(const LearnImport& options, const RulesOptions& rules,
                    const std::string& folder) {
  const auto wrong = [](const Error& error, int code) {
    complain("learn-log", error.text());
    return code;
  };
  if (options.file.empty()) {
    complain("learn-log", "import takes a file, or - for standard input");
    return kExitUsage;
  }
  Result<Loaded> loaded = load_rules(rules);
  if (!loaded) return wrong(loaded.error(), kExitUsage);
  const BayesPlan* const plan = find_bayes(*loaded->rules);
  auto statistics = open_statistics(*loaded, folder, OpenStatistics::kLearn);
  if (!statistics) return wrong(statistics.error(), kExitUsage);
  std::ifstream file;
  std::stringstream all;
  if (options.file != "-") {
    file.open(options.file, std::ios::binary);
    if (!file) return wrong({.what = "cannot be read", .file = options.file}, kExitInputs);
  } else {
    all << std::cin.rdbuf();
  }
  std::istream& in = options.file == "-" ? static_cast<std::istream&>(all) : file;
  const Result<uint64_t> problems =
      take(options, **statistics, in, plan ? plan->tokenizer : Tokenizer::kWinnow);
  if (!problems) {
    Error error = problems.error();
    if (error.file.empty()) error.file = options.file;
    return wrong(error, kExitInputs);
  }
  const std::string told = (*statistics)->take_problem();
  if (told.empty()) return *problems ? kExitInputs : kExitGood;
  complain("learn-log", told);
  return kExitInputs;
}

}  // namespace winnow
