// multimap {}: what is decided over evidence. Rules with an action, with required symbols or made
// of parts are known by facts that content() left; what a symbol says (symbol_options, asn,
// country) and what a DNS list answers is looked up here, at the end of the filters.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "engine/mime/ip.h"
#include "engine/score/evaluate.h"
#include "engine/score/questions.h"
#include "rules/checks/auth/dns_name.h"
#include "rules/checks/policy/multimap_plan.h"
#include "rules/checks/row.h"

namespace winnow {

namespace {

const MultimapPlan& plan_of(const CheckPlan& plan) {
  return static_cast<const MultimapPlan&>(plan);
}

bool has_fact(const Evidence& evidence, AtomId atom) {
  const auto at = std::ranges::lower_bound(evidence.atoms, atom, {}, &AtomCount::atom);
  return at != evidence.atoms.end() && at->atom == atom;
}

bool is_hit(const MultimapRule& rule, const Evidence& evidence) {
  if (rule.source.type != MultimapType::kCombined) return has_fact(evidence, rule.fact);
  return evaluate(rule.expression, 1, [&](uint32_t part) -> double {
           return has_fact(evidence, rule.part_facts[part]);
         }) != 0;
}

bool is_required(const MultimapRule& rule, const Judgement& judgement) {
  if (rule.require.empty()) return true;
  return evaluate(rule.require, 1, [&](uint32_t atom) -> double {
           const SymbolId symbol = rule.require_symbols[atom];
           return symbol != kNoId<SymbolId> && judgement.has_symbol(symbol);
         }) != 0;
}

void act(const MultimapRule& rule, Judgement& judgement) {
  if (rule.action == kNoId<ActionId>) return;
  judgement.pre_result({.action = rule.action, .message = rule.message, .module = "multimap"});
}

// Its options are what was found of each part: "NAME=VALUE".
void insert_combined(const MultimapPlan& plan, const MultimapRule& rule, const Evidence& evidence,
                     Judgement& judgement) {
  bool first = true;
  for (size_t i = 0; i < rule.part_facts.size(); ++i) {
    const std::string fact = fmt::format("{}=", index(rule.part_facts[i]));
    for (const SymbolFact& one : evidence.symbols) {
      if (one.symbol != plan.part || !one.option.starts_with(fact)) continue;
      judgement.insert(rule.own, first ? 1 : 0,
                       fmt::format("{}={}", rule.parts[i].name, one.option.substr(fact.size())));
      first = false;
      break;
    }
  }
  if (first) judgement.insert(rule.own, 1, {});
}

// Number of the first pattern that matches, from `from` on; kNoIndex where none does.
uint32_t find_pattern(const MultimapRule& rule, std::string_view text, uint32_t from) {
  thread_local RegexScratch scratch;
  for (uint32_t i = from; i < rule.regexes.size(); ++i)
    if (rule.regexes[i].valid() && rule.regexes[i].find_in_bytes(scratch, text) == Find::kFound)
      return i;
  return kNoIndex;
}

// Inserts what the map says of one option of the target; whether it says anything.
bool look_up_option(const MultimapRule& rule, std::string_view text, Judgement& judgement) {
  const auto insert = [&](uint32_t value) {
    const MultimapOutcome& out = rule.outcomes[value];
    if (out.symbol == kNoId<SymbolId>) return;
    each_multimap_option(out, text, [&](double weight, std::string_view option) {
      judgement.insert(out.symbol, weight, option);
    });
  };
  if (!has_patterns(rule.map->kind())) {
    const uint32_t found = find_multimap_key(*rule.map, text);
    if (found != kNoIndex) insert(found);
    return found != kNoIndex;
  }
  bool any = false;
  for (uint32_t at = find_pattern(rule, text, 0); at != kNoIndex;
       at = rule.multi ? find_pattern(rule, text, at + 1) : kNoIndex) {
    insert(rule.map->patterns()[at].value);
    any = true;
  }
  return any;
}

void judge_options(const MultimapRule& rule, Judgement& judgement) {
  bool any = false;
  for (uint32_t i = 0;; ++i) {
    std::string_view text = judgement.option(rule.target, i);
    if (text.empty()) break;
    if (!text.starts_with(rule.source.prefix)) continue;
    text = filtered_text(rule.source, text.substr(rule.source.prefix.size()));
    if (!text.empty()) any |= look_up_option(rule, text, judgement);
  }
  if (any) act(rule, judgement);
}

// Whether the list knows the address; nullopt while it has not answered.
std::optional<bool> is_listed(const MultimapRule& rule, const Evidence& evidence,
                              Judgement& judgement) {
  if (!evidence.envelope.ip.valid()) return false;
  const DnsName name = reversed_under(evidence.envelope.ip, rule.source.text);
  if (name.empty() ||
      find_question(evidence.questions, QuestionKind::kDns, rr::kA, name.view()) == kNoIndex)
    return false;
  const Answer* const answer = judgement.ask(QuestionKind::kDns, rr::kA, name.view());
  if (!answer) return std::nullopt;
  // An address outside 127/8 is no list's answer (RFC 5782 2.1).
  return answer->state == AnswerState::kValue &&
         std::ranges::any_of(answer->values,
                             [](std::string_view value) { return value.starts_with("127."); });
}

}  // namespace

uint32_t find_multimap_key(const Map& map, std::string_view value) {
  if (map.kind() != MapKind::kIp) return map.find(value);
  const std::optional<IpAddress> ip = parse_ip(value);
  return ip ? map.find(*ip) : kNoIndex;
}

void ask_multimap(const CheckPlan& base, const Batch& batch, Asker& asker) {
  const MultimapPlan& plan = plan_of(base);
  if (plan.lists.empty() || is_unanswered(batch)) return;
  for (uint32_t row = 0; row < batch.rows; ++row) {
    if (!batch.envelopes[row].ip.valid()) continue;
    for (const uint32_t number : plan.lists) {
      const DnsName name = reversed_under(batch.envelopes[row].ip, plan.rules[number].source.text);
      if (!name.empty()) asker.ask(row, QuestionKind::kDns, rr::kA, name.view());
    }
  }
}

Judged judge_multimap(const CheckPlan& base, const Evidence& evidence, Judgement& judgement) {
  const MultimapPlan& plan = plan_of(base);
  for (const uint32_t number : plan.early) {
    const MultimapRule& rule = plan.rules[number];
    if (!is_hit(rule, evidence)) continue;
    if (rule.source.type == MultimapType::kCombined)
      insert_combined(plan, rule, evidence, judgement);
    act(rule, judgement);
  }
  return Judged::kDone;
}

Judged judge_multimap_late(const CheckPlan& base, const Evidence& evidence, Judgement& judgement) {
  const MultimapPlan& plan = plan_of(base);
  bool waiting = false;
  for (const uint32_t number : plan.late) {
    const MultimapRule& rule = plan.rules[number];
    if (!is_hit(rule, evidence) || !is_required(rule, judgement)) continue;
    if (rule.source.type == MultimapType::kCombined)
      insert_combined(plan, rule, evidence, judgement);
    for (const SymbolFact& fact : evidence.symbols)
      if (std::ranges::binary_search(rule.late_symbols, fact.symbol))
        judgement.insert(fact.symbol, fact.weight, fact.option);
    act(rule, judgement);
  }
  for (const uint32_t number : plan.options)
    if (is_required(plan.rules[number], judgement)) judge_options(plan.rules[number], judgement);
  for (const uint32_t number : plan.lists) {
    const MultimapRule& rule = plan.rules[number];
    if (!is_required(rule, judgement)) continue;
    const std::optional<bool> listed = is_listed(rule, evidence, judgement);
    waiting |= !listed;
    if (!listed || !*listed) continue;
    judgement.insert(rule.own, 1, rule.source.text);
    act(rule, judgement);
  }
  return waiting ? Judged::kWaiting : Judged::kDone;
}

}  // namespace winnow
