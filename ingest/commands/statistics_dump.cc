// winnow statistics-dump: what was learnt as text that `rspamadm statistics_dump` reads and writes.
// winnow statconvert: Rspamd's SQLite files into the statistics that the configuration means.
#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>
#include <cstdio>
#include <limits>
#include <map>
#include <sstream>

#include "ingest/commands/argument_parser.h"
#include "ingest/commands/command.h"
#include "ingest/commands/learn_import.h"
#include "ingest/commands/scan_options.h"
#include "ingest/commands/whole_file.h"
#include "pipeline/learn/folder_dump.h"
#include "pipeline/learn/open_statistics.h"
#include "pipeline/learn/redis_dump.h"
#include "pipeline/learn/redis_statistics.h"
#include "pipeline/learn/rspamd_sqlite.h"
#include "pipeline/learn/statistics.h"
#include "pipeline/lookup/store/redis_options.h"
#include "rules/maps/store.h"

namespace winnow {

namespace {

struct StatisticsAt {
  RulesOptions load;
  std::string statistics;
};

// StatisticsAt statistics are: the client and layout of Redis, or a folder.
struct Opened {
  std::unique_ptr<RedisClient> client;
  RedisLayout layout;
  std::string folder;
};

Result<Opened> open(const StatisticsAt& place) {
  Result<Loaded> loaded = load_rules(place.load);
  if (!loaded) return fail(loaded.error());
  Opened out;
  out.folder = statistics_folder(place.statistics, place.load);
  const BayesPlan* const plan = find_bayes(*loaded->rules);
  if (!plan || !plan->redis) return out;
  out.layout = *plan->redis;
  auto client = statistics_client(*loaded);
  if (!client) return fail(client.error());
  out.client = std::move(*client);
  return out;
}

// --- dump ---

struct DumpOptions {
  bool json = false, cdb = false, compress = false;
  uint32_t batch = 1'000;
};

// Writes keys to standard output, as they come or all at the end as one frame of zstd.
class Output {
 public:
  explicit Output(const DumpOptions& options) : options_(options) {}

  void take(const DumpedKey& key) {
    if (!options_.json) return write(dump_line(key) + "\n");
    if (key.set) return;
    std::string whose;
    uint64_t token = 0;
    if (!split_token_key(key.key, whose, token)) {
      metas_[key.key] = key;
      return;
    }
    if (whose != open_) {
      close();
      const auto meta = metas_.find(whose);
      write(dump_json_begin(meta == metas_.end()
                                ? DumpedKey{.key = whose, .fields = {}, .members = {}}
                                : meta->second));
      open_ = whose;
      first_ = true;
    }
    write(dump_json_token(key, first_));
    first_ = false;
  }
  bool finish() {
    close();
    if (options_.compress) {
      std::string out(ZSTD_compressBound(text_.size()), '\0');
      const size_t n = ZSTD_compress(out.data(), out.size(), text_.data(), text_.size(), 1);
      if (ZSTD_isError(n)) return false;
      out.resize(n);
      std::fwrite(out.data(), 1, out.size(), stdout);
    }
    return true;
  }

 private:
  void close() {
    if (!open_.empty()) write(kDumpJsonEnd);
    open_.clear();
  }
  void write(std::string_view text) {
    if (options_.compress)
      text_ += text;
    else
      std::fwrite(text.data(), 1, text.size(), stdout);
  }
  const DumpOptions& options_;
  std::map<std::string, DumpedKey> metas_;
  std::string open_, text_;
  bool first_ = true;
};

Result<int> dump(const StatisticsAt& place, const DumpOptions& options) {
  const Result<Opened> from = open(place);
  if (!from) return fail(from.error());
  Output output(options);
  const auto take = [&](const DumpedKey& key) { output.take(key); };
  Result<void> good;
  if (from->client) {
    good = dump_redis(*from->client, from->layout, std::max(1u, options.batch), take);
  } else {
    const auto statistics = TokenStatistics::open({.folder = from->folder, .read_only = true});
    if (!statistics) return fail(statistics.error());
    good = dump_folder(**statistics, take);
  }
  if (!good) return fail(good.error());
  if (!output.finish()) return fail("the dump cannot be compressed");
  return kExitGood;
}

// --- restore ---

struct RestoreOptions {
  std::vector<std::string> files;
  std::string mode = "append";
  bool nothing = false;
  uint32_t batch = 1'000;
};

// The text of a file; unpacked where it is a frame of zstd.
Result<std::string> read_text(const std::string& path) {
  Result<std::string> in = read_whole_file(path);
  if (!in || !in->starts_with("\x28\xb5\x2f\xfd")) return in;
  Result<std::string> out = unpack_zstd(*in, std::numeric_limits<size_t>::max());
  if (!out) return fail({.what = out.error().what, .file = path});
  return out;
}

Result<void> restore_redis(RedisClient& client, const std::string& text,
                           const RestoreOptions& options) {
  const RestoreMode mode = options.mode == "append"     ? RestoreMode::kAppend
                           : options.mode == "subtract" ? RestoreMode::kSubtract
                                                        : RestoreMode::kReplace;
  std::vector<RedisWords> commands;
  const auto run = [&]() -> Result<void> {
    if (options.nothing)
      for (const RedisWords& words : commands) fmt::print("{}\n", fmt::join(words, " "));
    else if (Result<void> good = run_commands(client, commands); !good)
      return good;
    commands.clear();
    return {};
  };
  std::istringstream in(text);
  const Result<void> read = read_rspamd_dump(in, [&](DumpedKey&& key) -> Result<void> {
    std::map<std::string, CountTable> check;
    if (key.key.find('#') != std::string::npos)
      return fail(
          fmt::format("{}: of this user a folder knows no name, so Redis has no key for "
                      "him",
                      key.key));
    if (!key.set)
      if (Result<void> good = add_dumped(key, check); !good) return good;
    for (RedisWords& words : restore_commands(key, mode)) commands.push_back(std::move(words));
    return commands.size() < options.batch ? Result<void>() : run();
  });
  return read ? run() : read;
}

Result<void> restore_folder(const StatisticsAt& place, const std::string& text,
                            const RestoreOptions& options) {
  if (options.mode != "append")
    return fail(
        "a folder's log takes what is restored as a record: only append is there; "
        "`winnow learn-log forget --by statistics-dump` takes it back");
  std::map<std::string, CountTable> tables;
  std::istringstream in(text);
  Result<void> read =
      read_rspamd_dump(in, [&](DumpedKey&& key) { return add_dumped(key, tables); });
  if (!read) return read;
  std::vector<LearnRecord> records;
  for (const auto& [key, table] : tables) append_counts_records(table, records);
  if (options.nothing) {
    for (const auto& [key, table] : tables)
      fmt::print("{}: {} spam, {} ham, {} tokens\n", key, table.learns.spam, table.learns.ham,
                 table.counts.size());
    return {};
  }
  const auto statistics =
      TokenStatistics::open({.folder = statistics_folder(place.statistics, place.load)});
  if (!statistics) return fail(statistics.error());
  const Result<uint64_t> fresh = learn_counts(**statistics, std::move(records), "statistics-dump");
  if (!fresh) return fail(fresh.error());
  return {};
}

Result<int> restore(const StatisticsAt& place, const RestoreOptions& options) {
  Result<Opened> to = open(place);
  if (!to) return fail(to.error());
  for (const std::string& path : options.files) {
    const Result<std::string> text = read_text(path);
    if (!text) return fail(text.error());
    const Result<void> good = to->client ? restore_redis(*to->client, *text, options)
                                         : restore_folder(place, *text, options);
    if (good) continue;
    Error error = good.error();
    if (error.file.empty()) error.file = path;
    return fail(std::move(error));
  }
  return kExitGood;
}

// --- statconvert ---

struct ConvertOptions {
  std::string spam_db, ham_db, cache, spam_symbol = "BAYES_SPAM", ham_symbol = "BAYES_HAM";
  std::string host, user, password, expire;
  uint32_t db = 0;
  bool reset = false;
};

// Learn ids are known to Redis alone: a folder knows messages by another digest.
Result<void> write_ids(RedisClient& client, const RedisLayout& layout, const SqliteCounts& counts) {
  std::vector<RedisWords> commands;
  for (const auto& [id, label] : counts.ids) {
    const bool spam = label == LearnLabel::kSpam;
    commands.push_back(
        {"HSET", layout.ids, id, spam ? "1" : "-1", id.substr(0, 32), spam ? "1" : "0"});
  }
  return commands.empty() ? Result<void>() : run_commands(client, commands);
}

// What was there before goes: every key of the statistics.
Result<void> reset_redis(RedisClient& client, const RedisLayout& layout) {
  std::vector<RedisWords> commands;
  Result<void> walked = dump_redis(client, layout, 1'000, [&](const DumpedKey& key) {
    commands.push_back({"DEL", key.key});
  });
  if (!walked) return walked;
  return commands.empty() ? Result<void>() : run_commands(client, commands);
}

Result<int> convert(StatisticsAt& place, const ConvertOptions& options) {
  SqliteCounts counts;
  for (const auto& [path, label] : {std::pair(&options.spam_db, LearnLabel::kSpam),
                                    std::pair(&options.ham_db, LearnLabel::kHam)})
    if (!path->empty())
      if (Result<void> good = read_rspamd_sqlite(*path, label, counts); !good)
        return fail(good.error());
  if (!options.cache.empty())
    if (Result<void> good = read_rspamd_learn_cache(options.cache, counts); !good)
      return fail(good.error());
  Result<Opened> to = open(place);
  if (!to) return fail(to.error());
  if (!options.host.empty()) {
    RedisOptions redis;
    if (Result<void> good = add_redis_servers(options.host, redis.write); !good)
      return fail(good.error());
    redis.read = redis.write;
    redis.username = options.user;
    redis.password = options.password;
    redis.db = options.db;
    auto client = RedisClient::make(redis);
    if (!client) return fail(client.error());
    to->client = std::move(*client);
    to->layout.classes = {{"spam", options.spam_symbol, "S"}, {"ham", options.ham_symbol, "H"}};
  }
  std::vector<LearnRecord> records;
  size_t tokens = 0;
  LearnCount learns;
  for (const auto& [name, table] : counts.users) {
    append_counts_records(table, records);
    tokens += table.counts.size();
    learns.spam += table.learns.spam, learns.ham += table.learns.ham;
  }
  std::shared_ptr<SiteStatistics> statistics;
  if (to->client) {
    if (options.reset)
      if (Result<void> good = reset_redis(*to->client, to->layout); !good)
        return fail(good.error());
    if (Result<void> good = write_ids(*to->client, to->layout, counts); !good)
      return fail(good.error());
    auto opened =
        RedisStatistics::open(std::move(to->client), {.layout = to->layout, .folder = to->folder});
    if (!opened) return fail(opened.error());
    statistics = std::move(*opened);
  } else {
    if (options.reset)
      return fail(
          "a folder's log is not reset: move the folder away, or name another one by "
          "--statistics");
    auto opened = TokenStatistics::open({.folder = to->folder});
    if (!opened) return fail(opened.error());
    statistics = std::move(*opened);
  }
  const Result<uint64_t> fresh = learn_counts(*statistics, std::move(records), "statconvert");
  if (!fresh) return fail(fresh.error());
  fmt::print("{} tokens of {} users, {} spam and {} ham, {} learn ids converted\n", tokens,
             counts.users.size(), learns.spam, learns.ham, counts.ids.size());
  const std::string told = statistics->take_problem();
  if (!told.empty()) complain("statconvert", told);
  return told.empty() ? kExitGood : kExitInputs;
}

int said(std::string_view name, const Result<int>& code) {
  if (code) return *code;
  complain(name, code.error().text());
  return kExitInputs;
}

void add_place(ArgumentParser& parser, StatisticsAt& place) {
  add_place_options(parser, place.load);
  parser.add_option("--statistics", place.statistics,
                    "folder of what is learnt (default: $DBDIR/statistics of the configuration)");
}

}  // namespace

int statistics_dump_command(const std::vector<std::string>& arguments) {
  ArgumentParser parser(
      "Writes what was learnt as text, a line for each key of Redis, and takes such text in "
      "again:\n"
      "the form of `rspamadm statistics_dump`. With a folder of statistics the same keys are\n"
      "written as if they were in Redis, and restored as records of counts.",
      "winnow statistics-dump");
  parser.require_subcommand();
  StatisticsAt place;
  DumpOptions dumped;
  RestoreOptions restored;
  add_place(parser, place);
  ArgumentParser out = parser.add_subcommand("dump", "write statistics to standard output");
  out.add_flag("-j,--json", dumped.json, "one JSON object of each user's statistics");
  out.add_flag("-C,--cdb", dumped.cdb, "not there");
  out.add_flag("-c,--compress", dumped.compress, "packed by zstd");
  out.add_option("-b,--batch-size", dumped.batch, "keys asked of Redis at once");
  ArgumentParser in = parser.add_subcommand("restore", "take in dumps; - is standard input");
  in.add_option("-m,--mode", restored.mode, "append adds, subtract takes away, replace sets")
      .one_of({"append", "subtract", "replace"});
  in.add_flag("-n,--no-operation", restored.nothing, "only show what would be done");
  in.add_option("-b,--batch-size", restored.batch, "commands sent to Redis at once");
  in.add_option("FILE", restored.files, "dumps").required();
  if (const std::optional<int> over = parser.parse(arguments)) return *over;
  if (dumped.cdb) {
    complain("statistics-dump", "CDB is not written; the text and --json are");
    return kExitUsage;
  }
  return said("statistics-dump", out.parsed() ? dump(place, dumped) : restore(place, restored));
}

int statconvert_command(const std::vector<std::string>& arguments) {
  ArgumentParser parser(
      "Converts Rspamd's statistics of SQLite into those that the configuration means, or into\n"
      "the Redis that is named. Converted twice within a week it counts once.",
      "winnow statconvert");
  StatisticsAt place;
  ConvertOptions options;
  parser.set_help_flag("--help", "Print this help message and exit");
  add_place(parser, place);
  parser.add_option("--spam-db", options.spam_db, "the file of spam");
  parser.add_option("--ham-db", options.ham_db, "the file of ham");
  parser.add_option("--cache", options.cache, "the learn cache; for Redis");
  parser.add_option("--symbol-spam", options.spam_symbol, "with -h: symbol of spam").show_default();
  parser.add_option("--symbol-ham", options.ham_symbol, "with -h: symbol of ham").show_default();
  parser.add_flag("-r,--reset", options.reset, "take away first what is in Redis");
  parser.add_option("-e,--expire", options.expire, "not there: see expire of the classifier");
  parser.add_option("-h,--redis-host", options.host, "Redis to write to, host:port");
  parser.add_option("-u,--redis-username", options.user, "its user");
  parser.add_option("-p,--redis-password", options.password, "its password");
  parser.add_option("-d,--redis-db", options.db, "its database");
  if (const std::optional<int> over = parser.parse(arguments)) return *over;
  if (options.spam_db.empty() && options.ham_db.empty() && options.cache.empty()) {
    complain("statconvert", "name what to convert: --spam-db, --ham-db, --cache");
    return kExitUsage;
  }
  if (!options.expire.empty()) {
    complain("statconvert", "keys get no time of their own; `expire` of the classifier does it");
    return kExitUsage;
  }
  return said("statconvert", convert(place, options));
}

}  // namespace winnow
