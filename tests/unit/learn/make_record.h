// Records with tokens of the test's choice.
#pragma once

#include <vector>

#include "pipeline/learn/record.h"

namespace winnow {

inline constexpr LearnLabel kSpam = LearnLabel::kSpam, kHam = LearnLabel::kHam;

inline LearnRecord make_record(LearnLabel label, uint8_t message, std::vector<uint64_t> tokens,
                               uint64_t scope = 0) {
  LearnRecord record;
  record.label = label;
  record.time_ms = 1'700'000'000'000 + message;
  record.scope = scope;
  record.digest[0] = message;
  record.who = "test";
  TokenList list;
  list.scope = scope;
  for (const uint64_t token : tokens) list.add(token, 0);
  append_token_question(list, record.tokens);
  record.symbols = "SUBJ_ALL_CAPS R_NO_SPACE_IN_FROM";
  return record;
}

inline LearnRecord make_forget(uint8_t message, uint64_t scope = 0) {
  LearnRecord record;
  record.kind = LearnKind::kForget;
  record.scope = scope;
  record.digest[0] = message;
  return record;
}

}  // namespace winnow
