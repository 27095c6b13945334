// The match stage: asks every pattern of the plan of the texts of every row, scope by scope over
// the batch, and appends what matched to batch.atoms.
//
// Needs: parse, and of text, urls, words, content what the plan's scopes read (MatchPlan::reads);
// a scope whose columns were not filled has no texts. Leaves: batch.atoms.
//
// A row has at most one hit of an atom; of a pattern with kEachText one a text that it matches, the
// first 100 of them. A hit's count is 1, or with flag A the number of matches that do not overlap,
// summed over the scope's texts; the hundredth of kEachText counts the texts behind it, too. Counts
// are capped by match_count_max. Hits stand scope by scope, row by row within a scope, atom by atom
// within a row: the order does not depend on databases, CPU or batch size. `where` has scope and
// item of the text that matched, without kEachText of the first one.
//
// Limits. A text is cut at match_bytes_max; texts over pcre_bytes_max are cut there for patterns
// that a database cannot answer by itself. A cut, a step limit and a capped count set
// Fault::kLimitMatch; more than hits_max hits of a row set Fault::kLimitHits.
#pragma once

#include <cstdint>
#include <memory>

#include "engine/batch.h"
#include "engine/match/plan.h"

namespace winnow {

// What a thread did since it was asked last.
struct MatchCounters {
  uint64_t texts = 0;       // given to at least one group
  uint64_t bytes = 0;       // of those
  uint64_t scans = 0;       // database runs
  uint64_t candidates = 0;  // reports of databases
  uint64_t pcre_runs = 0;   // by patterns that confirm, count, locate or stand in
  uint64_t hits = 0;
};

// Working memory of one thread. Grows while it meets a new plan, then no more.
class MatchScratch {
 public:
  explicit MatchScratch(const Limits& limits = {});
  ~MatchScratch();
  MatchScratch(MatchScratch&&) noexcept;
  MatchScratch& operator=(MatchScratch&&) noexcept;
  // The counters since the last call.
  MatchCounters take_counters();

 private:
  friend class Matcher;
  struct State;
  std::unique_ptr<State> state_;
};

// kYes: each hit's where.begin and where.end are the first match in that text, found with PCRE2;
// for `explain`, as it costs a run a hit.
enum class Locate : uint8_t { kNo, kYes };

void match(const MatchPlan& plan, MatchScratch& scratch, Batch& batch, Locate locate = Locate::kNo);

}  // namespace winnow
