// The text of `rspamadm statistics_dump`: a line for each key of Redis, in any order,
//
//   "BAYES_SPAM_keys": ["RS"]                            a set
//   "RS": {"learns_spam":"3","learns_ham":"2"}           a hash
//   "RS_18123587569763488254": {"S":"1"}
//
// and with --json one object of each KEY: {"pattern": "RS", "meta": {…}, "elts": {"RS_123": {…},
// …}}.
#pragma once

#include <functional>
#include <istream>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/result.h"
#include "pipeline/learn/count_table.h"

namespace winnow {

struct DumpedKey {
  std::string key;
  bool set = false;
  std::vector<std::pair<std::string, std::string>> fields;  // of a hash
  std::vector<std::string> members;                         // of a set
};

// Calls `take` for each key; either form. Errors: a line that is none, with its number; what `take`
// says.
Result<void> read_rspamd_dump(std::istream& in,
                              const std::function<Result<void>(DumpedKey&&)>& take);
// One line, without its end.
std::string dump_line(const DumpedKey& key);
// With --json: what stands before the tokens of a KEY, a token, and what stands behind them.
std::string dump_json_begin(const DumpedKey& key);
std::string dump_json_token(const DumpedKey& key, bool first);
constexpr std::string_view kDumpJsonEnd = "\n}}\n";

// The KEY and the token of "RS_123"; false where it is no key of a token.
bool split_token_key(std::string_view name, std::string& key, uint64_t& token);

// Gathers what a dump says into tables, by KEY. Errors: a KEY that is not of Rspamd's default
// prefix, counts that are no numbers.
Result<void> add_dumped(const DumpedKey& key, std::map<std::string, CountTable>& to);

}  // namespace winnow
