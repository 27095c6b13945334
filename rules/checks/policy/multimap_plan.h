// multimap {}: its compiled rules, as content() and the judges read them.
#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

#include "rules/checks/check.h"
#include "rules/checks/policy/multimap_rule.h"

namespace winnow {

struct MultimapPlan : CheckPlan {
  struct Derived {
    uint32_t source;
    uint32_t selector;
  };
  struct AtomUse {  // pattern number `pattern` of a rule's map is this atom
    AtomId atom;
    uint32_t rule;
    uint32_t pattern;
  };

  // A fact that a part of a combined rule leaves: "FACT=VALUE", the number of its atom and what
  // was looked up.
  SymbolId part = kNoId<SymbolId>;
  std::vector<MultimapSource> sources;
  std::vector<MultimapRule> rules;
  // [rule] Number of its first outcome among those of all rules; last, how many there are.
  std::vector<uint32_t> outcome_begin;
  std::vector<uint32_t> keyed;   // rules whose maps are looked up, sorted by source
  std::vector<Derived> derived;  // sources whose values patterns are asked of
  std::vector<AtomUse> uses;     // sorted by atom, rule, pattern
  // Rules that judges read. By a fact: without, with required symbols.
  std::vector<uint32_t> early, late;
  std::vector<uint32_t> options, lists;  // types kOptions and kDnsbl
};

// Gives the symbol of an outcome with each of its options: f(weight, option). The first weighs,
// the others are told.
template <class F>
void each_multimap_option(const MultimapOutcome& out, std::string_view looked_up, F f) {
  std::string_view options = out.options;
  if (options.empty()) return f(out.weight, looked_up);
  for (bool first = true; !options.empty(); first = false) {
    const size_t comma = std::min(options.find(','), options.size());
    f(first ? out.weight : 0, options.substr(0, comma));
    options.remove_prefix(std::min(comma + 1, options.size()));
  }
}

// Number of the value's entry in a map of keys or networks; kNoIndex where there is none.
uint32_t find_multimap_key(const Map& map, std::string_view value);

// multimap_judge.cc
void ask_multimap(const CheckPlan& plan, const Batch& batch, Asker& asker);
Judged judge_multimap(const CheckPlan& plan, const Evidence& evidence, Judgement& judgement);
Judged judge_multimap_late(const CheckPlan& plan, const Evidence& evidence, Judgement& judgement);

}  // namespace winnow
