#include "pipeline/limits.h"

#include <fmt/format.h>

#include "engine/arena.h"
#include "pipeline/learn/count_cache.h"
#include "pipeline/worker.h"
#include "rules/checks/learned/bayes.h"

namespace winnow {

std::vector<MemoryItem> memory_ceiling(const RuleSet& rules, const FlowOptions& options) {
  const MatchReport& match = rules.match->report();
  const uint64_t works = 2ull * options.threads + 1;
  std::vector<MemoryItem> items;
  items.push_back({"mail in the flow", options.byte_budget, "--memory"});
  items.push_back(
      {"one message over the budget", 200ull << 20, "message_bytes_max; only if one comes"});
  items.push_back({"evidence kept of recycled cases",
                   CasePool::kKept * (Evidence::kKeepBytes + sizeof(Case)),
                   fmt::format("{} x {} KiB", CasePool::kKept, Evidence::kKeepBytes >> 10)});
  items.push_back({"batches kept", options.threads * (8ull << 20), "--threads x 8 MiB of arena"});
  items.push_back({"scratch of workers", options.threads * (match.scratch_bytes + (24ull << 20)),
                   "--threads x (Hyperscan scratch + stem cache + converters + keys of DKIM)"});
  items.push_back({"pattern databases", match.database_bytes,
                   fmt::format("{} patterns in {} groups", match.patterns, match.groups)});
  if (find_bayes(rules))
    items.push_back({"counts of tokens", CountCache::kBytesMax,
                     "with statistics; most of it at some 4 million learnt tokens"});
  items.push_back(
      {"heap kept", (options.threads + 1) * kHeapKeptBytes, "(--threads + 1) x 16 MiB"});
  items.push_back({"batches waiting", works * sizeof(Batch), "2 x --threads + 1"});
  items.push_back({"program, policy and tables", 48ull << 20, "this version"});
  return items;
}

}  // namespace winnow
