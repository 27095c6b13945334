// multimap {}: symbols and actions by what stands in maps (facts/semantics.md "multimap").
//
// Keys and networks are looked up here, value by value. Patterns are part of the rule set's match
// plan: those of all rules with the same source are one database over texts that either the
// message has already or derive() makes, and what comes back is a hit of an atom. A rule with an
// action or with required symbols leaves a fact, an atom of its own, that the judges read: they
// see evidence alone.
//
// Rules with required symbols insert late: their symbols are facts that do not count by
// themselves (phase kIdempotent), and the judge at the end of the filters inserts them. Judges
// stand in multimap_judge.cc.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "engine/match/pattern.h"
#include "engine/match/scope_texts.h"
#include "rules/checks/policy/multimap_plan.h"
#include "rules/checks/text.h"
#include "rules/config/nearest.h"
#include "rules/config/ucl.h"
#include "rules/lang/expression.h"

namespace winnow {

namespace {

constexpr std::array<SymbolDecl, 1> kSymbols{{
    {"MULTIMAP_PART", "multimap", 0, ""},  // for the judges alone
}};

const MultimapPlan& plan_of(const CheckPlan& plan) {
  return static_cast<const MultimapPlan&>(plan);
}

// --- Compiling ---

void declare(CompileContext& context) {
  if (!context.options) return;
  std::set<std::string_view> weighed;  // symbols that a rule lists: their weight is its
  for (const UclObject* const body : multimap_rules(*context.options))
    if (!body->flag("disable_multisymbol", false))
      for (const std::string_view name : body->strings("symbols")) weighed.insert(name);
  for (const UclObject* const body : multimap_rules(*context.options)) {
    const std::optional<MultimapRule> rule = read_multimap_rule(context, *body);
    if (!rule) continue;
    context.declare(rule->symbol, body, 0, "multimap",
                    fmt::format("multimap {}", rule->source.key));
    if (body->flag("disable_multisymbol", false)) continue;
    const std::vector<std::string_view> listed = body->strings("symbols");
    const double own = body->number("score", 0);
    for (const std::string_view name : listed)
      context.declare(name, nullptr, own, "multimap", fmt::format("by multimap {}", rule->symbol));
    if (!listed.empty()) continue;
    // Rspamd inserts a symbol that it does not know with the weight 1 by force.
    const double score = body->flag("dynamic_symbols", false) ? own : 1;
    for (const std::string_view name : multimap_symbols(*rule))
      if (!weighed.contains(name))
        context.declare(name, nullptr, score, "multimap",
                        fmt::format("by multimap {}", rule->symbol));
  }
}

void read_outcomes(CompileContext& context, MultimapRule& rule) {
  if (!rule.map) return;
  const UclObject& body = *rule.body;
  const SymbolId own = rule.own;
  const std::vector<std::string_view> listed = body.strings("symbols");
  const bool plain = body.flag("disable_multisymbol", false);
  for (uint32_t i = 0; i < rule.map->values(); ++i) {
    const std::string_view text = rule.map->value(i);
    const MultimapValue value = parse_multimap_value(text);
    MultimapOutcome out{own, value.score, value.options};
    if (plain && !value.symbol.empty()) {
      out.options = text;
    } else if (!value.symbol.empty() &&
               (listed.empty() || std::ranges::find(listed, value.symbol) != listed.end())) {
      out.symbol = context.symbol(value.symbol);
    }
    rule.outcomes.push_back(out);
  }
}

void read_requirement(CompileContext& context, MultimapRule& rule) {
  const UclObject* const given = rule.body->find("require_symbols");
  if (!given) return;
  const std::string_view text = given->last_value().text();
  Result<Program> program = parse_expression(
      text, ExpressionDialect::kComposite, [&](std::string_view atom, size_t) -> Result<uint32_t> {
        while (!atom.empty() && std::string_view("~-^").find(atom[0]) != atom.npos)
          atom.remove_prefix(1);
        const SymbolId id = context.symbol(atom);
        if (id == kNoId<SymbolId>)
          context.warn_at(*given, fmt::format("multimap rule {} requires {}, which nothing here "
                                              "inserts",
                                              rule.body->key(), atom));
        rule.require_symbols.push_back(id);
        return static_cast<uint32_t>(rule.require_symbols.size() - 1);
      });
  if (!program) {
    context.warn_at(
        *given, fmt::format("multimap rule {}: {} (byte {}); nothing is required", rule.body->key(),
                            program.error().what, program.error().column));
    rule.require_symbols.clear();
    return;
  }
  rule.require = std::move(*program);
}

void read_action(CompileContext& context, MultimapRule& rule) {
  const UclObject* const given = rule.body->find("action");
  if (!given) return;
  rule.action = context.action(given->last_value().text());
  if (rule.action == kNoId<ActionId>) {
    constexpr std::string_view kNames[] = {"reject",   "soft reject",     "add header",
                                           "greylist", "rewrite subject", "no action",
                                           "accept",   "discard",         "quarantine"};
    const std::string_view text = given->last_value().text();
    const std::string near = did_you_mean(text, kNames);
    context.warn_at(*given, fmt::format("multimap rule {}: there is no action {}, so a hit forces "
                                        "none{}{}",
                                        rule.body->key(), text, near.empty() ? "" : ". ", near));
  }
  rule.message = rule.body->string("message", fmt::format("Matched map: {}", rule.symbol));
}

uint32_t source_number(MultimapPlan& plan, const MultimapSource& source) {
  const auto at = std::ranges::find(plan.sources, source.key, &MultimapSource::key);
  if (at != plan.sources.end()) return static_cast<uint32_t>(at - plan.sources.begin());
  plan.sources.push_back(source);
  return static_cast<uint32_t>(plan.sources.size() - 1);
}

void add_patterns(CompileContext& context, MultimapPlan& plan, uint32_t number) {
  const MultimapRule& rule = plan.rules[number];
  PatternSpec spec;
  spec.scope = rule.source.scope();
  if (spec.scope == ScopeKind::kHeader) {
    spec.header = rule.source.headers[0];
    spec.name = context.headers.name(spec.header);
  }
  if (spec.scope == ScopeKind::kSelector) {
    const auto at =
        std::ranges::find(plan.derived, rule.source_number, &MultimapPlan::Derived::source);
    if (at == plan.derived.end()) {
      spec.selector = context.selector();
      plan.derived.push_back({rule.source_number, spec.selector});
    } else {
      spec.selector = at->selector;
    }
  }
  const std::span<const MapPattern> patterns = rule.map->patterns();
  for (uint32_t i = 0; i < patterns.size(); ++i) {
    spec.regex = patterns[i].regex;
    spec.flags = patterns[i].flags & ~bit(PatternFlag::kCountAll);
    std::string text = fmt::format("multimap {} /{}/ {}", rule.source.key, spec.regex, spec.flags);
    spec.flags |= bit(PatternFlag::kEachText);
    Result<AtomId> atom = context.pattern(spec, std::move(text));
    if (!atom) {
      context.warn_at(*rule.body,
                      fmt::format("multimap rule {}: line {} of its map is left out: {}",
                                  rule.body->key(), patterns[i].line, atom.error().what));
      continue;
    }
    plan.uses.push_back({*atom, number, i});
  }
}

// A symbol that only rules with required symbols set counts late; else with its rule's action.
void set_phases(CompileContext& context, MultimapPlan& plan) {
  std::vector<SymbolId> other;
  for (const MultimapRule& rule : plan.rules) {
    if (!rule.require.empty() || rule.source.type == MultimapType::kOptions) continue;
    for (const MultimapOutcome& out : rule.outcomes) {
      if (out.symbol == kNoId<SymbolId>) continue;
      other.push_back(out.symbol);
      if (rule.action != kNoId<ActionId>) context.symbol_phase(out.symbol, Phase::kPrefilter);
    }
  }
  std::ranges::sort(other);
  for (const uint32_t number : plan.late) {
    MultimapRule& rule = plan.rules[number];
    for (const MultimapOutcome& out : rule.outcomes)
      if (out.symbol != kNoId<SymbolId> && !std::ranges::binary_search(other, out.symbol))
        rule.late_symbols.push_back(out.symbol);
    std::ranges::sort(rule.late_symbols);
    rule.late_symbols.erase(std::unique(rule.late_symbols.begin(), rule.late_symbols.end()),
                            rule.late_symbols.end());
    for (const SymbolId symbol : rule.late_symbols)
      context.symbol_phase(symbol, Phase::kIdempotent);
  }
}

// Where the map of a rule over content is looked up: as keys, or as patterns of the match plan.
void add_lookup(CompileContext& context, MultimapPlan& plan, MultimapRule rule) {
  const auto number = static_cast<uint32_t>(plan.rules.size());
  rule.source_number = source_number(plan, rule.source);
  plan.rules.push_back(std::move(rule));
  const Map& map = *plan.rules.back().map;
  if (has_patterns(map.kind()))
    add_patterns(context, plan, number);
  else if (map.size() > 0)
    plan.keyed.push_back(number);
}

// Each part leaves a fact and nothing else. False: a part is broken, and so is the rule.
bool add_parts(CompileContext& context, MultimapPlan& plan, MultimapRule& rule) {
  std::vector<MultimapRule> parts;
  for (const MultimapPart& one : rule.parts) {
    std::optional<MultimapRule> part = read_multimap_part(context, *one.body);
    if (!part) {
      context.warn_at(*rule.body, fmt::format("multimap rule {} is off: its rule {} is broken",
                                              rule.body->key(), one.name));
      return false;
    }
    part->is_part = true;
    part->outcomes.resize(part->map->values());
    part->fact = context.fact(
        fmt::format("multimap rule {} {} {}", rule.body->key(), one.name, part->source.key));
    rule.part_facts.push_back(part->fact);
    parts.push_back(std::move(*part));
  }
  for (MultimapRule& part : parts) add_lookup(context, plan, std::move(part));
  return true;
}

// What judges look up: the options of another symbol. False: there is no such symbol.
bool read_target(CompileContext& context, MultimapRule& rule) {
  rule.target = context.symbol(rule.source.target);
  if (rule.target == kNoId<SymbolId>) {
    context.warn_at(*rule.body, fmt::format("multimap rule {} is off: nothing here inserts {}",
                                            rule.body->key(), rule.source.target));
    return false;
  }
  for (const MapPattern& pattern : rule.map->patterns()) {
    Result<Regex> made = Regex::compile(pattern.regex, pattern.flags);
    if (!made)
      context.warn_at(*rule.body,
                      fmt::format("multimap rule {}: line {} of its map is left out: {}",
                                  rule.body->key(), pattern.line, made.error().what));
    else
      made->jit();
    rule.regexes.push_back(made ? std::move(*made) : Regex());
  }
  return true;
}

void add_rule(CompileContext& context, MultimapPlan& plan, MultimapRule rule) {
  read_outcomes(context, rule);
  read_requirement(context, rule);
  read_action(context, rule);
  std::vector<uint32_t>& judged = rule.require.empty() ? plan.early : plan.late;
  const auto number = [&] { return static_cast<uint32_t>(plan.rules.size()); };
  switch (rule.source.type) {
    case MultimapType::kCombined:
      if (!add_parts(context, plan, rule)) return;
      judged.push_back(number());
      break;
    case MultimapType::kOptions:
      if (!read_target(context, rule)) return;
      plan.options.push_back(number());
      break;
    case MultimapType::kDnsbl:
      plan.lists.push_back(number());
      break;
    default:
      if (rule.action != kNoId<ActionId> || !rule.require.empty()) {
        rule.fact = context.fact(fmt::format("multimap rule {}", rule.body->key()));
        judged.push_back(number());
      }
      return add_lookup(context, plan, std::move(rule));
  }
  plan.rules.push_back(std::move(rule));
}

std::unique_ptr<CheckPlan> compile(CompileContext& context) {
  if (!context.options) return nullptr;
  auto plan = std::make_unique<MultimapPlan>();
  plan->part = context.symbol(kSymbols[0].name);
  for (const UclObject* const body : multimap_rules(*context.options)) {
    std::optional<MultimapRule> rule = read_multimap_rule(context, *body);
    if (!rule) continue;
    rule->own = context.symbol(rule->symbol);
    if (rule->own != kNoId<SymbolId>) add_rule(context, *plan, std::move(*rule));
  }
  if (plan->rules.empty()) return nullptr;
  std::ranges::stable_sort(plan->keyed, {},
                           [&](uint32_t rule) { return plan->rules[rule].source_number; });
  std::ranges::sort(plan->uses, [](const MultimapPlan::AtomUse& a, const MultimapPlan::AtomUse& b) {
    return std::tie(a.atom, a.rule, a.pattern) < std::tie(b.atom, b.rule, b.pattern);
  });
  set_phases(context, *plan);
  plan->outcome_begin.push_back(0);
  for (const MultimapRule& rule : plan->rules)
    plan->outcome_begin.push_back(plan->outcome_begin.back() +
                                  static_cast<uint32_t>(rule.outcomes.size()));
  return plan;
}

// --- Content ---

void derive(const CheckPlan& base, Batch& batch, uint32_t row) {
  const MultimapPlan& plan = plan_of(base);
  for (const MultimapPlan::Derived& one : plan.derived)
    each_multimap_value(plan.sources[one.source], batch, row, [&](std::string_view value) {
      batch.derived.values.push_back({one.selector, value});
    });
}

// How often each outcome has hit in the message at hand. The sender decides how many links a rule
// finds; more repeats of a symbol than this add nothing (max_shots), but would use up hits_max and
// so push out what other rules find. Slots live on from batch to batch: those of other rows are
// old.
class HitCounts {
 public:
  void start(size_t outcomes, uint32_t rows) {
    if (slots_.size() < outcomes) slots_.resize(outcomes);
    begin_ += rows_;
    rows_ = rows;
  }
  // Counts a hit. False: there were enough.
  bool take(uint32_t row, uint32_t outcome) {
    Slot& slot = slots_[outcome];
    if (slot.row != begin_ + row) slot = {begin_ + row, 0};
    return ++slot.count <= kHitsMax;
  }

 private:
  static constexpr uint32_t kHitsMax = 100;
  struct Slot {
    uint64_t row = 0;  // counted since the thread began, from 1
    uint32_t count = 0;
  };
  std::vector<Slot> slots_;
  uint64_t begin_ = 1;
  uint32_t rows_ = 0;
};

HitCounts& hit_counts() {
  thread_local HitCounts counts;
  return counts;
}

// A rule hit: its symbol, and the fact that judges read.
void hit(const MultimapPlan& plan, uint32_t number, Batch& batch, uint32_t row, uint32_t value,
         std::string_view looked_up, Where where) {
  const MultimapRule& rule = plan.rules[number];
  const MultimapOutcome& out = rule.outcomes[value];
  if (!hit_counts().take(row, plan.outcome_begin[number] + value)) return;
  if (rule.fact != kNoId<AtomId>) batch.atoms.push_back({row, rule.fact, 1, where});
  if (rule.is_part)
    batch.symbols.push_back(
        {row, plan.part, 1,
         join_text(batch.arena, number_text(batch.arena, index(rule.fact)), "=", looked_up),
         where});
  if (out.symbol == kNoId<SymbolId>) return;
  each_multimap_option(out, looked_up, [&](double weight, std::string_view option) {
    batch.symbols.push_back({row, out.symbol, weight, option, where});
  });
}

void look_up(const MultimapPlan& plan, Batch& batch, uint32_t row) {
  for (size_t i = 0; i < plan.keyed.size();) {
    const uint32_t source = plan.rules[plan.keyed[i]].source_number;
    size_t end = i;
    while (end < plan.keyed.size() && plan.rules[plan.keyed[end]].source_number == source) ++end;
    each_multimap_value(plan.sources[source], batch, row, [&](std::string_view value) {
      for (size_t k = i; k < end; ++k) {
        const uint32_t found = find_multimap_key(*plan.rules[plan.keyed[k]].map, value);
        if (found != kNoIndex) hit(plan, plan.keyed[k], batch, row, found, value, {});
      }
    });
    i = end;
  }
}

struct PatternHit {
  uint32_t row, rule, pattern;
  Where where;
};

// The text that a pattern matched in, as an option: not whole contents.
std::string_view matched_text(const MultimapRule& rule, const Batch& batch,
                              const PatternHit& found) {
  if (rule.source.type == MultimapType::kContent) return {};
  thread_local TextRoom room;
  return scope_text(batch, found.row, found.where, room);
}

void read_atoms(const MultimapPlan& plan, Batch& batch) {
  thread_local std::vector<PatternHit> found;
  found.clear();
  for (const AtomHit& atom : batch.atoms) {
    auto at = std::ranges::lower_bound(plan.uses, atom.atom, {}, &MultimapPlan::AtomUse::atom);
    for (; at != plan.uses.end() && at->atom == atom.atom; ++at)
      found.push_back({atom.row, at->rule, at->pattern, atom.where});
  }
  std::ranges::sort(found, [](const PatternHit& a, const PatternHit& b) {
    return std::tie(a.row, a.rule, a.where.item, a.pattern) <
           std::tie(b.row, b.rule, b.where.item, b.pattern);
  });
  // Of one text the first pattern counts, or all of them; each text counts.
  for (size_t i = 0; i < found.size(); ++i) {
    const PatternHit& one = found[i];
    const MultimapRule& rule = plan.rules[one.rule];
    const bool again = i > 0 && found[i - 1].row == one.row && found[i - 1].rule == one.rule &&
                       found[i - 1].where.item == one.where.item;
    if (again && !rule.multi) continue;
    hit(plan, one.rule, batch, one.row, rule.map->patterns()[one.pattern].value,
        matched_text(rule, batch, one), one.where);
  }
}

void content(const CheckPlan& base, Batch& batch) {
  const MultimapPlan& plan = plan_of(base);
  hit_counts().start(plan.outcome_begin.back(), batch.rows);
  if (!plan.uses.empty()) read_atoms(plan, batch);
  if (plan.keyed.empty()) return;
  for (uint32_t row = 0; row < batch.rows; ++row) look_up(plan, batch, row);
}

}  // namespace

extern constexpr Check kMultimap{
    .name = "multimap",
    .text = "Inserts symbols and sets actions by what stands in maps.",
    .symbols = kSymbols,
    .phase = Phase::kPrefilter,
    .declare = declare,
    .compile = compile,
    .derive = derive,
    .content = content,
    .ask = ask_multimap,
    .judge = judge_multimap,
    .judge_late = judge_multimap_late,
};

}  // namespace winnow
