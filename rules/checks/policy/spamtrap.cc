// spamtrap {}: recipients that nobody has, so that who writes to them sends spam (seen on Rspamd
// 3.4; tests/peer/spamtrap_compare.py). Off by default, as in Rspamd.
//
//   map = "…";              patterns over addresses, or keys: an address or "@" and a domain
//   key_prefix = "sptr_";   without a map: of the keys in Redis
//   action = "…"; smtp_message = "…";   a pre-result, which the score does not change
//   learn_spam = true;      the message is learnt as spam, by who serves mail
//
// An address is looked at in lower case, as it is and without its +tag, then its domain; the first
// that is found counts. A message to several recipients is left alone unless allow_multiple_rcpts
// says otherwise: somebody wants it. What a Redis that is away would have said is unknown: the
// message is then judged as any other, and nothing is learnt of it.
//
// It stands behind the filters, as Rspamd's does: their symbols are there whatever it decides.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "engine/match/pattern.h"
#include "rules/checks/check.h"
#include "rules/checks/option_map.h"
#include "rules/checks/policy/trap_question.h"
#include "rules/config/redis_section.h"
#include "rules/config/ucl.h"
#include "rules/maps/map.h"

namespace winnow {

namespace {

constexpr std::string_view kModule = "spamtrap", kDefaultSymbol = "SPAMTRAP";

constexpr std::array<SymbolDecl, 1> kSymbols{{
    {"SPAMTRAP_CHECK", "spamtrap", 0, ""},  // the name that a map holds, for the judge alone
}};

struct Plan final : CheckPlan {
  SymbolId symbol = kNoId<SymbolId>, found = kNoId<SymbolId>;
  std::shared_ptr<const Map> map;  // null: Redis is asked
  std::vector<AtomId> atoms;       // of the map's patterns, sorted
  uint32_t selector = kNoIndex;    // of the addresses that they are asked of
  std::string prefix;              // of keys in Redis
  ActionId action = kNoId<ActionId>;
  std::string message;
  bool several = false, learns = false;

  // Recipients that are looked at; none where the message is left alone.
  std::span<const std::string_view> looked_at(const Envelope& envelope,
                                              std::span<const std::string_view> all) const {
    if (skips(envelope) || (!several && all.size() != 1)) return {};
    return all;
  }
};

std::string& names_room() {
  thread_local std::string room;
  return room;
}

// --- Compiling ---

void declare(CompileContext& context) {
  if (!context.options) return;
  context.declare(context.options->string("symbol", kDefaultSymbol), context.options, 0, kModule,
                  "a recipient is a spam trap");
}

void add_patterns(CompileContext& context, Plan& plan, const UclObject& at) {
  PatternSpec spec;
  spec.scope = ScopeKind::kSelector;
  spec.selector = plan.selector = context.selector();
  for (const MapPattern& pattern : plan.map->patterns()) {
    spec.regex = pattern.regex;
    spec.flags = (pattern.flags & ~bit(PatternFlag::kCountAll)) | bit(PatternFlag::kEachText);
    const Result<AtomId> atom =
        context.pattern(spec, fmt::format("spamtrap /{}/ {}", spec.regex, pattern.flags));
    if (atom)
      plan.atoms.push_back(*atom);
    else
      context.warn_at(at, fmt::format("spamtrap: line {} of its map is left out: {}", pattern.line,
                                      atom.error().what));
  }
  std::ranges::sort(plan.atoms);
}

void read_action(CompileContext& context, Plan& plan) {
  const UclObject* const given = context.options->find("action");
  if (!given) return;
  const std::string_view name = given->last_value().text();
  plan.action = context.action(name);
  if (plan.action == kNoId<ActionId>)
    context.warn_at(
        *given, fmt::format("spamtrap: there is no action \"{}\", so a trap forces none", name));
}

std::unique_ptr<CheckPlan> compile(CompileContext& context) {
  const UclObject* const options = context.options;
  if (!options) return nullptr;
  auto plan = std::make_unique<Plan>();
  plan->symbol = context.symbol(options->string("symbol", kDefaultSymbol));
  plan->found = context.symbol(kSymbols[0].name);
  plan->prefix = options->string("key_prefix", "sptr_");
  plan->message = options->string("smtp_message", "");
  plan->several = options->flag("allow_multiple_rcpts", false);
  plan->learns = options->flag("learn_spam", false);
  read_action(context, *plan);
  if (options->flag("learn_fuzzy", false))
    context.warn_at(*options->find("learn_fuzzy"),
                    "spamtrap: learn_fuzzy does nothing: fuzzy hashes are not learnt here yet");
  plan->map = option_map(context, options, "map", MapKind::kRegexp);
  if (plan->map) {
    if (has_patterns(plan->map->kind())) add_patterns(context, *plan, *options->find("map"));
    return plan;
  }
  if (!names_redis_servers(*options)) {
    context.warn_at(*options,
                    "spamtrap is off: it has no map, and no servers of Redis are named (redis { "
                    "servers = \"…\"; })");
    return nullptr;
  }
  if (plan->prefix.find('\n') != std::string::npos) {
    context.warn_at(*options->find("key_prefix"), "spamtrap is off: its key_prefix has two lines");
    return nullptr;
  }
  return plan;
}

// --- Content ---

void derive(const CheckPlan& base, Batch& batch, uint32_t row) {
  const auto& plan = static_cast<const Plan&>(base);
  if (plan.atoms.empty()) return;
  for (const std::string_view one :
       plan.looked_at(batch.envelopes[row], batch.recipients.row(row))) {
    const auto [address, untagged, domain] = trap_names(one, names_room());
    for (const std::string_view name : {address, untagged})
      if (!name.empty()) batch.derived.values.push_back({plan.selector, batch.arena.copy(name)});
  }
}

void read_atoms(const Plan& plan, Batch& batch) {
  thread_local std::vector<std::pair<uint32_t, uint32_t>> hits;  // row, text
  hits.clear();
  for (const AtomHit& atom : batch.atoms)
    if (std::ranges::binary_search(plan.atoms, atom.atom))
      hits.emplace_back(atom.row, atom.where.item);
  std::ranges::sort(hits);
  for (size_t i = 0; i < hits.size(); ++i) {
    const auto [row, text] = hits[i];
    if (i > 0 && hits[i - 1].first == row) continue;
    batch.symbols.push_back({row, plan.found, 1, batch.derived.row(row)[text].text, {}});
  }
}

void content(const CheckPlan& base, Batch& batch) {
  const auto& plan = static_cast<const Plan&>(base);
  if (!plan.map) return;
  if (has_patterns(plan.map->kind())) return read_atoms(plan, batch);
  for (uint32_t row = 0; row < batch.rows; ++row) {
    const auto is_trap = [&](std::string_view recipient) {
      for (const std::string_view name : trap_names(recipient, names_room()))
        if (!name.empty() && plan.map->find(name) != kNoIndex) {
          batch.symbols.push_back({row, plan.found, 1, batch.arena.copy(name), {}});
          return true;
        }
      return false;
    };
    std::ranges::any_of(plan.looked_at(batch.envelopes[row], batch.recipients.row(row)), is_trap);
  }
}

void ask(const CheckPlan& base, const Batch& batch, Asker& asker) {
  const auto& plan = static_cast<const Plan&>(base);
  if (plan.map) return;
  for (uint32_t row = 0; row < batch.rows; ++row) {
    write_trap_question(
        plan.prefix, plan.looked_at(batch.envelopes[row], batch.recipients.row(row)), names_room());
    if (!names_room().empty()) asker.ask(row, QuestionKind::kStore, kTrapNames, names_room());
  }
}

// --- Judging ---

// The name of a trap; empty where there is none. nullopt: Redis has not answered.
std::optional<std::string_view> find_trap(const Plan& plan, const Evidence& evidence,
                                          Judgement& judgement) {
  if (plan.map) {
    const auto at = std::ranges::find(evidence.symbols, plan.found, &SymbolFact::symbol);
    return at == evidence.symbols.end() ? std::string_view() : at->option;
  }
  std::string question;
  write_trap_question(plan.prefix, plan.looked_at(evidence.envelope, evidence.recipients),
                      question);
  if (question.empty()) return "";
  const Answer* const answer = judgement.ask(QuestionKind::kStore, kTrapNames, question);
  if (!answer) return std::nullopt;
  return answer->state == AnswerState::kValue ? answer->values[0] : std::string_view();
}

Judged judge(const CheckPlan& base, const Evidence& evidence, Judgement& judgement) {
  const auto& plan = static_cast<const Plan&>(base);
  const std::optional<std::string_view> found = find_trap(plan, evidence, judgement);
  if (!found) return Judged::kWaiting;
  std::string_view trap = *found;
  if (trap.empty()) return Judged::kDone;
  if (trap.starts_with('@')) trap.remove_prefix(1);
  if (plan.symbol != kNoId<SymbolId>) judgement.insert(plan.symbol, 1, trap);
  if (plan.action != kNoId<ActionId>)
    judgement.pre_result(
        {.action = plan.action, .priority = 0, .message = plan.message, .module = kModule});
  if (plan.learns)
    judgement.effect({.kind = EffectKind::kLearn, .key = "spam", .value = std::string(kModule)});
  return Judged::kDone;
}

}  // namespace

extern constexpr Check kSpamtrap{
    .name = kModule,
    .text = "Knows recipients that are spam traps.",
    .symbols = kSymbols,
    .phase = Phase::kPostfilter,
    .default_enabled = false,
    .local_skip = true,
    .declare = declare,
    .compile = compile,
    .derive = derive,
    .content = content,
    .ask = ask,
    .judge = judge,
};

}  // namespace winnow
