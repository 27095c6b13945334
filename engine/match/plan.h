// The match plan: every pattern of a rule set, grouped by the texts it is asked of, compiled.
//
// A scope is one kind of text (a header by name, text parts, URLs, ...). A scope has at most two
// groups: patterns over bytes, and patterns over code points, which see only valid UTF-8. Each
// group has one database; where it has none yet, PCRE2 stands in with the same results.
// Identical patterns (text, flags that matter, scope) are one pattern with one atom.
//
// A plan is immutable and shared by threads. Databases can be added later with with_databases(),
// which shares everything else: that is how mail flows before they are there.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/limits.h"
#include "engine/match/pattern.h"
#include "engine/result.h"

namespace winnow {

// Runs task(0) .. task(count-1), possibly at once, and returns when all are done.
using ParallelFor = std::function<void(size_t count, const std::function<void(size_t)>& task)>;

// A place for built databases (files of a cache directory). Called from the threads of
// ParallelFor, so it must be safe for them. Bytes are checked here; it need not.
class BlobCache {
 public:
  virtual ~BlobCache() = default;
  virtual bool get(std::string_view key, std::string& bytes) = 0;
  virtual void put(std::string_view key, std::string_view bytes) = 0;
};

enum class Databases : uint8_t {
  kNone,    // PCRE2 stands in everywhere: starts in milliseconds
  kCached,  // those the cache has; PCRE2 stands in for the rest
  kAll,     // missing ones are built, and put into the cache
};

struct MatchOptions {
  Limits limits = {};
  Databases databases = Databases::kAll;
  // Text in attachments is matched whole (text_part and sa_* scopes), not its head alone.
  bool attached_texts = false;
  ParallelFor parallel = {};   // empty: one after the other
  BlobCache* cache = nullptr;  // may be null; used only during the call it is handed to
  // A plan whose databases are shared where a group has the same patterns; may be null.
  const class MatchPlan* before = nullptr;
};

struct MatchReport {
  uint32_t patterns = 0;
  uint32_t exact = 0, prefilter = 0, alone = 0;
  uint32_t scopes = 0, groups = 0;
  uint32_t built = 0, cached = 0, shared = 0, missing = 0;  // groups
  uint32_t shared_patterns = 0;                             // whose compiled code is shared
  size_t database_bytes = 0;
  size_t scratch_bytes = 0;  // of each thread
  std::vector<std::string> warnings;
};

struct PlanData;  // engine/match/plan_data.h

class MatchPlan {
 public:
  explicit MatchPlan(std::shared_ptr<const PlanData> data) : data_(std::move(data)) {}
  const PlanData& data() const { return *data_; }
  const MatchReport& report() const;
  // The pattern that fills `atom`; null where the atom is none of this plan's.
  const PatternSpec* pattern(AtomId atom) const;
  // Is any pattern asked of texts of this kind? Columns nobody asks for need not be filled.
  bool reads(ScopeKind scope) const;
  // The same plan with databases as `options` says; options.limits and attached_texts stay.
  std::shared_ptr<const MatchPlan> with_databases(const MatchOptions& options) const;
  // A plan of these patterns alone, to measure them. REQUIRED: pattern(atom) of each is not null.
  std::shared_ptr<const MatchPlan> only(std::span<const AtomId> atoms) const;

 private:
  std::shared_ptr<const PlanData> data_;
};

class MatchPlanBuilder {
 public:
  // Patterns that `before` has as well are not compiled again. It may be null, and outlives this.
  explicit MatchPlanBuilder(const MatchPlan* before = nullptr);
  ~MatchPlanBuilder();
  MatchPlanBuilder(const MatchPlanBuilder&) = delete;
  MatchPlanBuilder& operator=(const MatchPlanBuilder&) = delete;

  // Adds a pattern whose value is to be atom `fresh`. Returns the atom that has its value:
  // `fresh`, or that of an identical earlier pattern, and `fresh` is still unused. A broken
  // pattern is an error with its column in the pattern and leaves the builder as it was.
  Result<AtomId> add(const PatternSpec& spec, AtomId fresh);
  // REQUIRED: called once.
  std::shared_ptr<const MatchPlan> build(const MatchOptions& options);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Versions of the matching libraries, a part of a rule set's identity.
std::string match_library_versions();

}  // namespace winnow
