#include "engine/match/plan.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <tuple>
#include <unordered_map>

#include "engine/match/blob.h"
#include "engine/match/letters.h"
#include "engine/match/plan_data.h"
#include "fmt/format.h"

namespace winnow {

namespace {

uint64_t next_serial() {
  static std::atomic<uint64_t> serial{0};
  return ++serial;
}

// Everything that makes two patterns one.
using PatternKey = std::tuple<ScopeKind, uint32_t, std::string, uint32_t, std::string>;
using ScopeKey = std::tuple<bool, uint32_t, ScopeKind, std::string>;

std::string strict_name(const PatternSpec& spec) {
  return is_header_scope(spec.scope) && spec.strict_case ? spec.name : std::string();
}

// Which of the scopes of its kind: the header, the selector.
uint32_t scope_number(const PatternSpec& spec) {
  if (spec.scope == ScopeKind::kSelector) return spec.selector;
  return is_header_scope(spec.scope) ? index(spec.header) : 0;
}

void run(const ParallelFor& parallel, size_t count, const std::function<void(size_t)>& task) {
  if (parallel) {
    parallel(count, task);
  } else {
    for (size_t i = 0; i < count; ++i) task(i);
  }
}

// A group whose classes and database are to be got: from the plan before, from the cache, or by
// making them.
struct Job {
  PlanGroup* group;
  bool joined;
  bool is_shared = false;
  bool is_cached = false;
  bool is_built = false;
  std::vector<uint32_t> refused = {};  // indices into group->listed
  std::string warning = {};
};

DatabasePattern database_pattern(const PlanData& plan, PatternId id) {
  const PlanPattern& pattern = plan.patterns[index(id)];
  return {pattern.spec.regex, pattern.spec.flags, pattern.how};
}

std::vector<DatabasePattern> database_patterns(const PlanData& plan,
                                               const std::vector<PatternId>& ids) {
  std::vector<DatabasePattern> out;
  out.reserve(ids.size());
  for (PatternId id : ids) out.push_back(database_pattern(plan, id));
  return out;
}

// Groups of a plan that are whole, by their key, with the plan's patterns.
struct KnownGroups {
  const PlanData* plan = nullptr;
  std::unordered_map<std::string_view, const PlanGroup*> groups = {};
};

KnownGroups known_groups(const MatchPlan* before) {
  KnownGroups known;
  if (before == nullptr) return known;
  known.plan = &before->data();
  for (const PlanScope& scope : known.plan->scopes)
    for (const PlanGroup* const group : {&scope.bytes, &scope.utf})
      if (group->database) known.groups.emplace(group->key, group);
  return known;
}

// Equal keys are equal patterns in equal order.
void share_database(PlanData& plan, const PlanData& before, const PlanGroup& from, Job& job) {
  job.is_shared = true;
  job.group->database = from.database;
  for (size_t i = 0; i < from.members.size(); ++i)
    plan.patterns[index(job.group->members[i])].how = before.patterns[index(from.members[i])].how;
  for (const PatternId id : from.refused) {
    const auto at = std::ranges::find(from.listed, id) - from.listed.begin();
    job.refused.push_back(static_cast<uint32_t>(at));
  }
}

// Each pattern is in one group, so jobs may write to their patterns at once.
void load(PlanData& plan, const MatchOptions& options, const KnownGroups& known, Job& job) {
  PlanGroup& group = *job.group;
  group.key = blob_key(database_patterns(plan, group.members), job.joined);
  if (const auto same = known.groups.find(group.key); same != known.groups.end())
    return share_database(plan, *known.plan, *same->second, job);
  std::string bytes;
  if (options.cache == nullptr || !options.cache->get(group.key, bytes)) return;
  Result<LoadedGroup> cached = read_blob(group.key, bytes, group.members.size());
  if (!cached) return;
  job.is_cached = true;
  job.refused = std::move(cached->refused);
  group.database = std::move(cached->database);
  for (size_t i = 0; i < group.members.size(); ++i)
    plan.patterns[index(group.members[i])].how = cached->classes[i];
}

// Asks the library for the classes that no plan and no cache had.
void classify_rest(PlanData& plan, const ParallelFor& parallel, const std::vector<Job>& jobs) {
  std::vector<PlanPattern*> wanted;
  for (const Job& job : jobs) {
    if (job.is_shared || job.is_cached) continue;
    for (PatternId id : job.group->members)
      if (!plan.patterns[index(id)].is_classified) wanted.push_back(&plan.patterns[index(id)]);
  }
  run(parallel, wanted.size(), [&](size_t i) { wanted[i]->how = classify(wanted[i]->spec); });
}

// Sorts members by class.
void list(PlanData& plan, PlanGroup& group) {
  group.listed.clear();
  group.alone.clear();
  group.folding.clear();
  for (PatternId id : group.members) {
    PlanPattern& pattern = plan.patterns[index(id)];
    pattern.is_classified = true;
    (pattern.how == PatternClass::kAlone ? group.alone : group.listed).push_back(id);
    if (pattern.how != PatternClass::kAlone && pattern.folds) group.folding.push_back(id);
  }
}

void make(const PlanData& plan, const MatchOptions& options, Job& job) {
  PlanGroup& group = *job.group;
  if (job.is_shared || job.is_cached) return;
  if (!group.listed.empty()) {
    Result<std::shared_ptr<const Database>> built =
        Database::compile(database_patterns(plan, group.listed), job.joined, job.refused);
    if (!built) {
      job.warning = built.error().what + "; PCRE2 stands in for it";
      job.refused.clear();
      return;
    }
    group.database = std::move(*built);
    job.is_built = true;
  }
  if (options.cache == nullptr) return;
  LoadedGroup made{.classes = {}, .refused = job.refused, .database = group.database};
  for (PatternId id : group.members) made.classes.push_back(plan.patterns[index(id)].how);
  options.cache->put(group.key, write_blob(group.key, made));
}

void refuse(const PlanData& plan, Job& job) {
  PlanGroup& group = *job.group;
  for (uint32_t at : job.refused) {
    group.refused.push_back(group.listed[at]);
    job.warning += fmt::format("pattern /{}/ is too large for a database; PCRE2 stands in for it",
                               plan.patterns[index(group.listed[at])].spec.regex);
  }
}

// Machine code for the patterns that PCRE2 will run often: all but those that a database answers
// by itself.
void translate(PlanData& plan, const ParallelFor& parallel) {
  std::vector<uint32_t> wanted;
  for (PlanScope& scope : plan.scopes) {
    for (PlanGroup* group : {&scope.bytes, &scope.utf}) {
      for (PatternId id : group->alone) wanted.push_back(index(id));
      for (PatternId id : group->refused) wanted.push_back(index(id));
      for (PatternId id : group->listed) {
        const PlanPattern& pattern = plan.patterns[index(id)];
        if (!group->database || pattern.counts || pattern.how != PatternClass::kExact) {
          wanted.push_back(index(id));
        }
      }
    }
  }
  run(parallel, wanted.size(), [&](size_t i) {
    PlanPattern& pattern = plan.patterns[wanted[i]];
    if (pattern.translated) return;
    // Compiled anew: the code may be shared with a plan that other threads are using.
    Result<Regex> own = Regex::compile(pattern.spec.regex, pattern.spec.flags);
    if (!own) return;
    own->jit();
    pattern.regex = std::move(*own);
    pattern.translated = true;
  });
}

void report_patterns(PlanData& plan) {
  MatchReport& report = plan.report;
  report.patterns = static_cast<uint32_t>(plan.patterns.size());
  report.scopes = static_cast<uint32_t>(plan.scopes.size());
  for (const PlanPattern& pattern : plan.patterns) {
    report.exact += pattern.how == PatternClass::kExact;
    report.prefilter += pattern.how == PatternClass::kPrefilter;
    report.alone += pattern.how == PatternClass::kAlone;
  }
}

// Gets classes and databases as `options` says and finishes the plan. REQUIRED: no group has a
// database yet.
void complete(PlanData& plan, const MatchOptions& options) {
  plan.serial = next_serial();
  plan.report = {};
  std::vector<Job> jobs;
  for (PlanScope& scope : plan.scopes) {
    for (PlanGroup* group : {&scope.bytes, &scope.utf}) {
      if (!group->empty()) jobs.push_back({group, is_word_scope(scope.kind)});
    }
  }
  if (options.databases != Databases::kNone) {
    const KnownGroups known = known_groups(options.before);
    run(options.parallel, jobs.size(), [&](size_t i) { load(plan, options, known, jobs[i]); });
  }
  classify_rest(plan, options.parallel, jobs);
  for (const Job& job : jobs) list(plan, *job.group);
  if (options.databases == Databases::kAll)
    run(options.parallel, jobs.size(), [&](size_t i) { make(plan, options, jobs[i]); });
  report_patterns(plan);
  plan.report.groups = static_cast<uint32_t>(jobs.size());
  for (Job& job : jobs) {
    refuse(plan, job);
    const bool has_database = job.group->database != nullptr;
    plan.report.built += job.is_built;
    plan.report.cached += has_database && job.is_cached;
    plan.report.shared += job.is_shared;
    plan.report.missing += !has_database && !job.group->listed.empty();
    if (!job.warning.empty()) plan.report.warnings.push_back(job.warning);
    if (!has_database) continue;
    plan.report.database_bytes += job.group->database->bytes();
    job.group->database->grow(plan.scratch);
  }
  plan.report.scratch_bytes = plan.scratch.bytes();
  translate(plan, options.parallel);
}

// A copy that shares patterns' code but has no databases.
std::shared_ptr<PlanData> without_databases(const PlanData& from) {
  auto plan = std::make_shared<PlanData>();
  plan->limits = from.limits;
  plan->attached_texts = from.attached_texts;
  plan->patterns = from.patterns;
  plan->scopes = from.scopes;
  plan->header_scopes = from.header_scopes;
  plan->header_begin = from.header_begin;
  plan->by_atom = from.by_atom;
  for (PlanScope& scope : plan->scopes) {
    for (PlanGroup* group : {&scope.bytes, &scope.utf}) {
      group->database = nullptr;
      group->refused.clear();
    }
  }
  return plan;
}

}  // namespace

struct MatchPlanBuilder::State {
  std::vector<PlanPattern> patterns;
  std::map<PatternKey, PatternId> known;
  std::unordered_map<std::string_view, std::vector<const PlanPattern*>> before;  // by regex
  uint32_t shared = 0;

  const PlanPattern* find_before(const PatternSpec& spec) const {
    const auto at = before.find(spec.regex);
    if (at == before.end()) return nullptr;
    const auto same = std::ranges::find_if(
        at->second, [&](const PlanPattern* one) { return one->spec.flags == spec.flags; });
    return same == at->second.end() ? nullptr : *same;
  }
};

MatchPlanBuilder::MatchPlanBuilder(const MatchPlan* before) : state_(std::make_unique<State>()) {
  if (before == nullptr) return;
  for (const PlanPattern& one : before->data().patterns)
    state_->before[one.spec.regex].push_back(&one);
}
MatchPlanBuilder::~MatchPlanBuilder() = default;

Result<AtomId> MatchPlanBuilder::add(const PatternSpec& given, AtomId fresh) {
  PatternSpec spec = given;
  if (spec.flags & bit(PatternFlag::kRaw)) spec.flags &= ~bit(PatternFlag::kUtf);
  if (spec.scope == ScopeKind::kNowhere) {
    return fail("pattern /" + spec.regex +
                "/ does not say where it looks: add a type, e.g. {part}");
  }
  if (spec.scope == ScopeKind::kSelector && spec.selector == kNoIndex) {
    return fail("pattern /" + spec.regex + "/ asks a selector, which patterns cannot do yet");
  }
  if (is_header_scope(spec.scope) && spec.header == kNoId<HeaderId>) {
    return fail("pattern /" + spec.regex + "/ does not say which header: write Name=/.../");
  }
  const PatternKey key{spec.scope, scope_number(spec), strict_name(spec),
                       spec.flags & kMeaningFlags, spec.regex};
  if (auto known = state_->known.find(key); known != state_->known.end()) {
    return state_->patterns[index(known->second)].atom;
  }
  const PlanPattern* const same = state_->find_before(spec);
  Result<Regex> regex = same ? same->regex : Regex::compile(spec.regex, spec.flags);
  if (!regex) return tl::unexpected<Error>(regex.error());
  const auto id = static_cast<PatternId>(state_->patterns.size());
  PlanPattern pattern;
  pattern.translated = same && same->translated;
  state_->shared += same != nullptr;
  if (same && is_word_scope(same->spec.scope) == is_word_scope(spec.scope)) {
    pattern.how = same->how;
    pattern.is_classified = same->is_classified;
  }
  pattern.counts = (spec.flags & bit(PatternFlag::kCountAll)) != 0;
  pattern.each_text = (spec.flags & bit(PatternFlag::kEachText)) != 0;
  pattern.folds =
      (spec.flags & bit(PatternFlag::kUtf)) != 0 && folds_letters(spec.regex, spec.flags);
  pattern.spec = std::move(spec);
  pattern.atom = fresh;
  pattern.regex = std::move(*regex);
  state_->patterns.push_back(std::move(pattern));
  state_->known.emplace(key, id);
  return fresh;
}

std::shared_ptr<const MatchPlan> MatchPlanBuilder::build(const MatchOptions& options) {
  auto plan = std::make_shared<PlanData>();
  plan->limits = options.limits;
  plan->attached_texts = options.attached_texts;
  plan->patterns = std::move(state_->patterns);
  std::map<ScopeKey, PlanScope> scopes;
  for (uint32_t i = 0; i < plan->patterns.size(); ++i) {
    const PlanPattern& pattern = plan->patterns[i];
    const PatternSpec& spec = pattern.spec;
    PlanScope& scope =
        scopes[{!is_header_scope(spec.scope), scope_number(spec), spec.scope, strict_name(spec)}];
    scope.kind = spec.scope;
    scope.header = is_header_scope(spec.scope) ? spec.header : kNoId<HeaderId>;
    scope.selector = spec.selector;
    scope.strict_name = strict_name(spec);
    PlanGroup& group = spec.flags & bit(PatternFlag::kUtf) ? scope.utf : scope.bytes;
    group.members.push_back(static_cast<PatternId>(i));
    plan->by_atom.push_back(static_cast<PatternId>(i));
  }
  for (auto& [key, scope] : scopes) {
    if (is_header_scope(scope.kind)) {
      // header_begin[h] = scopes of headers before h.
      while (plan->header_begin.size() <= index(scope.header)) {
        plan->header_begin.push_back(plan->header_scopes);
      }
      ++plan->header_scopes;
    }
    plan->scopes.push_back(std::move(scope));
  }
  plan->header_begin.push_back(plan->header_scopes);
  std::ranges::sort(plan->by_atom, {},
                    [&](PatternId id) { return plan->patterns[index(id)].atom; });
  complete(*plan, options);
  plan->report.shared_patterns = state_->shared;
  return std::make_shared<const MatchPlan>(std::move(plan));
}

const MatchReport& MatchPlan::report() const { return data_->report; }

const PatternSpec* MatchPlan::pattern(AtomId atom) const {
  const auto of = [this](PatternId id) { return data_->patterns[index(id)].atom; };
  auto at = std::ranges::lower_bound(data_->by_atom, atom, {}, of);
  if (at == data_->by_atom.end() || of(*at) != atom) return nullptr;
  return &data_->patterns[index(*at)].spec;
}

bool MatchPlan::reads(ScopeKind kind) const {
  return std::ranges::any_of(data_->scopes,
                             [kind](const PlanScope& scope) { return scope.kind == kind; });
}

std::shared_ptr<const MatchPlan> MatchPlan::with_databases(const MatchOptions& options) const {
  std::shared_ptr<PlanData> plan = without_databases(*data_);
  MatchOptions how = options;
  if (how.before == nullptr) how.before = this;
  complete(*plan, how);
  return std::make_shared<const MatchPlan>(std::move(plan));
}

std::shared_ptr<const MatchPlan> MatchPlan::only(std::span<const AtomId> atoms) const {
  MatchPlanBuilder builder;
  for (const AtomId atom : atoms) (void)builder.add(*pattern(atom), atom);
  return builder.build({.limits = data_->limits, .attached_texts = data_->attached_texts});
}

std::string match_library_versions() {
  return fmt::format("hyperscan {}, pcre2 {}", database_library_version(), regex_library_version());
}

}  // namespace winnow
