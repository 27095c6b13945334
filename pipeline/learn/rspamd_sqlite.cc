#include "pipeline/learn/rspamd_sqlite.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <functional>
#include <memory>

#include "engine/crypt/base32.h"

namespace winnow {

namespace {

constexpr int kDigestBytes = 64;

struct Close {
  void operator()(sqlite3* database) const { sqlite3_close(database); }
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Database = std::unique_ptr<sqlite3, Close>;

Error problem(sqlite3* database, const std::string& path) {
  return {.what = fmt::format("this is no SQLite file of Rspamd's statistics: {}",
                              database ? sqlite3_errmsg(database) : "no memory"),
          .file = path};
}

Result<Database> open(const std::string& path) {
  sqlite3* opened = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &opened, SQLITE_OPEN_READONLY, nullptr);
  Database database(opened);
  if (code != SQLITE_OK) return fail(problem(opened, path));
  return database;
}

// Calls `use` for each row that a query gives.
Result<void> each_row(const Database& database, const std::string& path, const char* query,
                      const std::function<void(sqlite3_stmt*)>& use) {
  sqlite3_stmt* prepared = nullptr;
  const int code = sqlite3_prepare_v2(database.get(), query, -1, &prepared, nullptr);
  const std::unique_ptr<sqlite3_stmt, Close> statement(prepared);
  if (code != SQLITE_OK) return fail(problem(database.get(), path));
  for (;;) {
    const int step = sqlite3_step(prepared);
    if (step == SQLITE_DONE) return {};
    if (step != SQLITE_ROW) return fail(problem(database.get(), path));
    use(prepared);
  }
}

uint64_t count_at(sqlite3_stmt* row, int column) {
  return static_cast<uint64_t>(std::max<int64_t>(0, sqlite3_column_int64(row, column)));
}

}  // namespace

Result<void> read_rspamd_sqlite(const std::string& path, LearnLabel label, SqliteCounts& to) {
  const Result<Database> database = open(path);
  if (!database) return fail(database.error());
  const bool spam = label == LearnLabel::kSpam;
  std::map<int64_t, std::string> names;
  const Result<void> users =
      each_row(*database, path, "SELECT id, name, learns FROM users", [&](sqlite3_stmt* row) {
        const int64_t id = sqlite3_column_int64(row, 0);
        const auto* const text = reinterpret_cast<const char*>(sqlite3_column_text(row, 1));
        const std::string& name = names[id] = id == 0 || !text ? "" : text;
        CountTable& table = to.users[name];
        table.tokenizer = Tokenizer::kOsb;
        table.user = name;
        (spam ? table.learns.spam : table.learns.ham) += count_at(row, 2);
      });
  if (!users) return fail(users.error());
  // Counts by language are of the same messages: they add up.
  return each_row(*database, path, "SELECT token, user, value FROM tokens", [&](sqlite3_stmt* row) {
    const auto token = static_cast<uint64_t>(sqlite3_column_int64(row, 0));
    auto& count = to.users[names[sqlite3_column_int64(row, 1)]].counts[token];
    (spam ? count.spam : count.ham) += count_at(row, 2);
  });
}

Result<void> read_rspamd_learn_cache(const std::string& path, SqliteCounts& to) {
  const Result<Database> database = open(path);
  if (!database) return fail(database.error());
  return each_row(*database, path, "SELECT flag, digest FROM learns", [&](sqlite3_stmt* row) {
    const int bytes = sqlite3_column_bytes(row, 1);
    const auto* const digest = static_cast<const char*>(sqlite3_column_blob(row, 1));
    if (!digest || bytes != kDigestBytes) return;
    to.ids.emplace_back(base32_encode({digest, kDigestBytes}),
                        sqlite3_column_int64(row, 0) > 0 ? LearnLabel::kSpam : LearnLabel::kHam);
  });
}

}  // namespace winnow
