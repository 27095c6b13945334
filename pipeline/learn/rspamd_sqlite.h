// What Rspamd keeps in SQLite (backend "sqlite3", gone in 4.x), one file a class:
//
//   users(id, name, learns), languages(id, name, learns)   id 0 is "default", those that all share
//   tokens(token, user, language, value, modified)         token: the hash as a signed number
// and its learn cache:
//   learns(id, flag, digest)    flag 1 spam, 0 ham; digest: the 64 bytes of a learn id
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/result.h"
#include "pipeline/learn/count_table.h"

namespace winnow {

struct SqliteCounts {
  std::map<std::string, CountTable> users;              // by name; "": those that all share
  std::vector<std::pair<std::string, LearnLabel>> ids;  // learn ids, 103 letters
};

// Adds the counts of a class' file. Errors: no such file, no such tables.
Result<void> read_rspamd_sqlite(const std::string& path, LearnLabel label, SqliteCounts& to);
// Adds the learn ids of a cache.
Result<void> read_rspamd_learn_cache(const std::string& path, SqliteCounts& to);

}  // namespace winnow
