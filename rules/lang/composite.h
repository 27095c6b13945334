// From a composite's expression to engine/score's Composite, and the order of all of them.
// Facts: facts/scoring.md, "Composite atoms", "Policies".
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "engine/result.h"
#include "engine/score/model.h"

namespace winnow {

// How names become ids while rules are compiled. A callback that is absent knows no name.
struct CompositeNames {
  std::function<SymbolId(std::string_view name)> symbol;  // kNoId = unknown
  std::function<GroupId(std::string_view name)> group;    // kNoId = unknown
  // Index of the compiled regexp of an option filter ("/re/flags").
  std::function<Result<uint32_t>(std::string_view regexp)> regexp;
  // Told of each name that is not known (0-based column); its atom is never true.
  std::function<void(std::string_view name, size_t column)> unknown;
};

// Parses `expression`. Errors carry the column. `second_pass` is set by order_composites().
Result<Composite> parse_composite(SymbolId symbol, std::string_view expression, Removal policy,
                                  const CompositeNames& names);

// A policy by the names that configurations use: "remove_all", "leave", ...
Result<Removal> parse_removal(std::string_view name);

// Sorts model.composites so that what one reads stands before it (otherwise the order stays), and
// marks those that use, also indirectly, a symbol for which `is_post` says that post-filters
// insert it. Composites that read each other in a circle, and those that read them, are taken out
// and returned: the caller warns.
std::vector<SymbolId> order_composites(ScoreModel& model,
                                       const std::function<bool(SymbolId)>& is_post);

}  // namespace winnow
