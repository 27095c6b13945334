// Counts that come from elsewhere, on their way to be learnt.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/classify/tokens.h"
#include "pipeline/learn/record.h"

namespace winnow {

struct CountTable {
  struct Count {
    uint64_t spam = 0, ham = 0;
    TokenKind kind = 0;
  };
  Tokenizer tokenizer = Tokenizer::kWinnow;
  std::string user = {};  // whose counts; empty: those that all share
  uint64_t scope = 0;     // of a user whose name is not known
  LearnCount learns;
  std::unordered_map<uint64_t, Count> counts;  // by token
  uint64_t lines = 0;                          // tokens that the source has
  uint64_t used = 0;                           // of them, those that mean something here
};

constexpr size_t kCountsRecordTokens = 4'096;  // so many in one record

// Appends records of counts that bring a table, the same ones for equal tables; time and who are
// the caller's.
void append_counts_records(const CountTable& table, std::vector<LearnRecord>& out);

}  // namespace winnow
