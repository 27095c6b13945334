// multimap {}: its rules as configuration writes them, read into what content() runs.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/score/model.h"
#include "rules/checks/check.h"
#include "rules/checks/policy/multimap_source.h"
#include "rules/maps/map.h"

namespace winnow {

// What a map's value says: "SYMBOL", "SCORE", "SYMBOL:SCORE", "SYMBOL:SCORE:o1,o2".
struct MultimapValue {
  std::string_view symbol;  // empty: the rule's own
  double score = 1;
  std::string_view options;
};
MultimapValue parse_multimap_value(std::string_view text);

// What one value of a rule's map does.
struct MultimapOutcome {
  SymbolId symbol = kNoId<SymbolId>;
  double weight = 1;
  std::string_view options = {};  // comma separated; empty: the value that was looked up
};

struct MultimapPart {  // of a combined rule
  std::string name;
  const UclObject* body;
};

struct MultimapRule {
  const UclObject* body = nullptr;
  std::string symbol;              // of a part: empty
  std::shared_ptr<const Map> map;  // null: kDnsbl, kCombined
  MultimapSource source;
  bool multi = false;
  bool is_part = false;                   // of a combined rule: leaves facts alone
  uint32_t source_number = 0;             // into the plan's sources
  std::vector<MultimapOutcome> outcomes;  // by number of the map's value
  // Set where something is judged: an action, or symbols that must be there.
  AtomId fact = kNoId<AtomId>;
  ActionId action = kNoId<ActionId>;
  std::string message;
  Program require;  // over require_symbols; empty = nothing
  std::vector<SymbolId> require_symbols;
  std::vector<SymbolId> late_symbols;  // sorted: inserted when what is required is there
  SymbolId own = kNoId<SymbolId>;      // the rule's own symbol
  // kOptions: the symbol whose options are looked up, and the map's patterns in their order.
  SymbolId target = kNoId<SymbolId>;
  std::vector<Regex> regexes;
  // kCombined: a condition over parts, by number.
  Program expression;
  std::vector<MultimapPart> parts;
  std::vector<AtomId> part_facts;
};

// Reads a rule's type, filter, fields, map and parts. nullopt: it cannot be; the operator was told.
std::optional<MultimapRule> read_multimap_rule(CompileContext& context, const UclObject& body);

// Its rules, in order; those of a name that stands twice last, as written.
std::vector<const UclObject*> multimap_rules(const UclObject& section);

// The part of a combined rule that is written `body`: a selector and a map.
std::optional<MultimapRule> read_multimap_part(CompileContext& context, const UclObject& body);

// Names of the symbols that the values of a rule's map set, each once, in order of their numbers.
std::vector<std::string_view> multimap_symbols(const MultimapRule& rule);

}  // namespace winnow
