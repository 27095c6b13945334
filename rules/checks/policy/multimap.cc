// multimap {}: symbols and actions by what stands in maps (facts/semantics.md "multimap").
//
// Keys and networks are looked up here, value by value. Patterns are part of the rule set's match
// plan: those of all rules with the same source are one database over texts that either the
// message has already or derive() makes, and what comes back is a hit of an atom. A rule with an
// action or with required symbols leaves a fact, an atom of its own, that the judges read: they
// see evidence alone.
//
// Rules with required symbols insert late: their symbols are facts that do not count by
// themselves (phase kIdempotent), and the judge at the end of the filters inserts them.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "engine/match/pattern.h"
#include "engine/match/scope_texts.h"
#include "engine/mime/ip.h"
#include "engine/score/evaluate.h"
#include "rules/checks/check.h"
#include "rules/checks/policy/multimap_rule.h"
#include "rules/checks/text.h"
#include "rules/config/ucl.h"
#include "rules/lang/expression.h"

namespace winnow {

namespace {

struct DerivedSource {
  uint32_t source;
  uint32_t selector;
};

struct AtomUse {  // pattern number `pattern` of a rule's map is this atom
  AtomId atom;
  uint32_t rule;
  uint32_t pattern;
};

struct MultimapPlan : CheckPlan {
  std::vector<MultimapSource> sources;
  std::vector<MultimapRule> rules;
  std::vector<uint32_t> keyed;         // rules whose maps are looked up, sorted by source
  std::vector<DerivedSource> derived;  // sources whose values patterns are asked of
  std::vector<AtomUse> uses;           // sorted by atom, rule, pattern
  std::vector<uint32_t> early, late;   // rules that are judged: without, with required symbols
};

const MultimapPlan& plan_of(const CheckPlan& plan) {
  return static_cast<const MultimapPlan&>(plan);
}

// --- Compiling ---

void declare(CompileContext& context) {
  if (!context.options) return;
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
      context.declare(name, nullptr, score, "multimap",
                      fmt::format("by multimap {}", rule->symbol));
  }
}

void read_outcomes(CompileContext& context, MultimapRule& rule) {
  const UclObject& body = *rule.body;
  const SymbolId own = context.symbol(rule.symbol);
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
      text, Dialect::kComposite, [&](std::string_view atom, size_t) -> Result<uint32_t> {
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
  if (rule.action == kNoId<ActionId>)
    context.warn_at(*given, fmt::format("multimap rule {}: there is no action {}", rule.body->key(),
                                        given->last_value().text()));
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
    const auto at = std::ranges::find(plan.derived, rule.source_number, &DerivedSource::source);
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
    Result<AtomId> atom = context.pattern(
        spec, fmt::format("multimap {} /{}/ {}", rule.source.key, spec.regex, spec.flags));
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
    if (!rule.require.empty()) continue;
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

std::unique_ptr<CheckPlan> compile(CompileContext& context) {
  if (!context.options) return nullptr;
  auto plan = std::make_unique<MultimapPlan>();
  for (const UclObject* const body : multimap_rules(*context.options)) {
    std::optional<MultimapRule> rule = read_multimap_rule(context, *body);
    if (!rule || context.symbol(rule->symbol) == kNoId<SymbolId>) continue;
    rule->source_number = source_number(*plan, rule->source);
    read_outcomes(context, *rule);
    read_requirement(context, *rule);
    read_action(context, *rule);
    const auto number = static_cast<uint32_t>(plan->rules.size());
    if (rule->action != kNoId<ActionId> || !rule->require.empty()) {
      rule->fact = context.fact(fmt::format("multimap rule {}", body->key()));
      (rule->require.empty() ? plan->early : plan->late).push_back(number);
    }
    plan->rules.push_back(std::move(*rule));
    if (has_patterns(plan->rules.back().map->kind()))
      add_patterns(context, *plan, number);
    else if (plan->rules.back().map->size() > 0)
      plan->keyed.push_back(number);
  }
  if (plan->rules.empty()) return nullptr;
  std::ranges::stable_sort(plan->keyed, {},
                           [&](uint32_t rule) { return plan->rules[rule].source_number; });
  std::ranges::sort(plan->uses, [](const AtomUse& a, const AtomUse& b) {
    return std::tie(a.atom, a.rule, a.pattern) < std::tie(b.atom, b.rule, b.pattern);
  });
  set_phases(context, *plan);
  return plan;
}

// --- Content ---

void derive(const CheckPlan& base, Batch& batch, uint32_t row) {
  const MultimapPlan& plan = plan_of(base);
  for (const DerivedSource& one : plan.derived)
    each_multimap_value(plan.sources[one.source], batch, row, [&](std::string_view value) {
      batch.derived.values.push_back({one.selector, value});
    });
}

// A rule hit: its symbol, and the fact that judges read.
void hit(const MultimapRule& rule, Batch& batch, uint32_t row, uint32_t value,
         std::string_view looked_up, Where where) {
  const MultimapOutcome& out = rule.outcomes[value];
  if (rule.fact != kNoId<AtomId>) batch.atoms.push_back({row, rule.fact, 1, where});
  if (out.symbol == kNoId<SymbolId>) return;
  std::string_view options = out.options;
  if (options.empty()) {
    batch.symbols.push_back({row, out.symbol, out.weight, looked_up, where});
    return;
  }
  for (bool first = true; !options.empty(); first = false) {
    const size_t comma = std::min(options.find(','), options.size());
    batch.symbols.push_back(
        {row, out.symbol, first ? out.weight : 0, options.substr(0, comma), where});
    options.remove_prefix(std::min(comma + 1, options.size()));
  }
}

void look_up(const MultimapPlan& plan, Batch& batch, uint32_t row) {
  for (size_t i = 0; i < plan.keyed.size();) {
    const uint32_t source = plan.rules[plan.keyed[i]].source_number;
    size_t end = i;
    while (end < plan.keyed.size() && plan.rules[plan.keyed[end]].source_number == source) ++end;
    each_multimap_value(plan.sources[source], batch, row, [&](std::string_view value) {
      for (size_t k = i; k < end; ++k) {
        const MultimapRule& rule = plan.rules[plan.keyed[k]];
        uint32_t found = kNoIndex;
        if (rule.map->kind() != MapKind::kIp) {
          found = rule.map->find(value);
        } else if (const std::optional<IpAddress> ip = parse_ip(value)) {
          found = rule.map->find(*ip);
        }
        if (found != kNoIndex) hit(rule, batch, row, found, value, {});
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
    auto at = std::ranges::lower_bound(plan.uses, atom.atom, {}, &AtomUse::atom);
    for (; at != plan.uses.end() && at->atom == atom.atom; ++at)
      found.push_back({atom.row, at->rule, at->pattern, atom.where});
  }
  std::ranges::sort(found, [](const PatternHit& a, const PatternHit& b) {
    return std::tie(a.row, a.rule, a.pattern) < std::tie(b.row, b.rule, b.pattern);
  });
  for (size_t i = 0; i < found.size(); ++i) {
    const PatternHit& one = found[i];
    const MultimapRule& rule = plan.rules[one.rule];
    const bool again = i > 0 && found[i - 1].row == one.row && found[i - 1].rule == one.rule;
    if (again && !rule.multi) continue;
    hit(rule, batch, one.row, rule.map->patterns()[one.pattern].value,
        matched_text(rule, batch, one), one.where);
  }
}

void content(const CheckPlan& base, Batch& batch) {
  const MultimapPlan& plan = plan_of(base);
  if (!plan.uses.empty()) read_atoms(plan, batch);
  if (plan.keyed.empty()) return;
  for (uint32_t row = 0; row < batch.rows; ++row) look_up(plan, batch, row);
}

// --- Judging ---

bool has_fact(const Evidence& evidence, AtomId atom) {
  const auto at = std::ranges::lower_bound(evidence.atoms, atom, {}, &AtomCount::atom);
  return at != evidence.atoms.end() && at->atom == atom;
}

void act(const MultimapRule& rule, Judgement& judgement) {
  if (rule.action == kNoId<ActionId>) return;
  judgement.pre_result({.action = rule.action, .message = rule.message, .module = "multimap"});
}

Judged judge(const CheckPlan& base, const Evidence& evidence, Judgement& judgement) {
  const MultimapPlan& plan = plan_of(base);
  for (const uint32_t number : plan.early)
    if (has_fact(evidence, plan.rules[number].fact)) act(plan.rules[number], judgement);
  return Judged::kDone;
}

Judged judge_late(const CheckPlan& base, const Evidence& evidence, Judgement& judgement) {
  const MultimapPlan& plan = plan_of(base);
  for (const uint32_t number : plan.late) {
    const MultimapRule& rule = plan.rules[number];
    if (!has_fact(evidence, rule.fact)) continue;
    const double value = evaluate(rule.require, 1, [&](uint32_t atom) -> double {
      const SymbolId symbol = rule.require_symbols[atom];
      return symbol != kNoId<SymbolId> && judgement.has_symbol(symbol);
    });
    if (value == 0) continue;
    for (const SymbolFact& fact : evidence.symbols)
      if (std::ranges::binary_search(rule.late_symbols, fact.symbol))
        judgement.insert(fact.symbol, fact.weight, fact.option);
    act(rule, judgement);
  }
  return Judged::kDone;
}

}  // namespace

extern constexpr Check kMultimap{
    .name = "multimap",
    .text = "Inserts symbols and sets actions by what stands in maps.",
    .phase = Phase::kPrefilter,
    .declare = declare,
    .compile = compile,
    .derive = derive,
    .content = content,
    .judge = judge,
    .judge_late = judge_late,
};

}  // namespace winnow
