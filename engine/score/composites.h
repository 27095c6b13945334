// Composites over the scoreboard: which match, and what they take out of the result.
//
// Facts: facts/scoring.md, "Composite atoms", "Policies". A composite looks at its atoms from left
// to right and stops where the result is decided; what it looked at, found present and did not
// stand under a negation is what it removes, by its policy or the atom's prefix. Removals are
// carried out at the end of a pass: of several matched composites one that keeps a symbol (or its
// weight) wins over those that remove it, and `^` overrides that.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/score/board.h"

namespace winnow {

// Regexps in option filters, matched by the layer that compiled them.
struct OptionRegexps {
  const void* context = nullptr;
  bool (*matches)(const void* context, uint32_t regexp, std::string_view option) = nullptr;
};

struct CompositeScratch {
  struct Request {
    SymbolId symbol;
    SymbolId by;
    uint32_t order;
    bool take_symbol, take_weight, force;
  };
  std::vector<uint32_t> seen;     // atoms of one composite that were looked at and present
  std::vector<Request> requests;  // of one pass
};

// Runs the composites of one pass in the model's order: the first, or those that use post-filters.
void run_composites(const ScoreModel& model, bool second_pass, const OptionRegexps& regexps,
                    CompositeScratch& scratch, Board& board);

}  // namespace winnow
