#include "pipeline/learn/count_table.h"

#include <algorithm>

#include "rules/checks/learned/bayes.h"

namespace winnow {

void append_counts_records(const CountTable& table, std::vector<LearnRecord>& out) {
  std::vector<uint64_t> order;
  order.reserve(table.counts.size());
  for (const auto& [token, count] : table.counts) order.push_back(token);
  std::ranges::sort(order);
  const auto bounded = [](uint64_t count) {
    return static_cast<uint32_t>(std::min<uint64_t>(count, INT32_MAX));
  };
  for (size_t at = 0; at < order.size() || at == 0; at += kCountsRecordTokens) {
    TokenList tokens;
    tokens.tokenizer = table.tokenizer;
    tokens.user = table.user;
    tokens.scope = table.user.empty() ? table.scope : statistics_scope(table.user);
    TokenCounts counts;
    if (at == 0) counts.learns = table.learns;
    for (size_t i = at; i < std::min(order.size(), at + kCountsRecordTokens); ++i) {
      const CountTable::Count& count = table.counts.at(order[i]);
      tokens.add(order[i], count.kind);
      counts.counts.push_back({bounded(count.spam), bounded(count.ham)});
    }
    out.push_back(make_counts_record(tokens, counts));
  }
}

}  // namespace winnow
