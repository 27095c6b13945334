// Composites over the scoreboard: which match, and what they take out of the result.
//
// Facts: facts/scoring.md, "Composite atoms", "Policies"; and as Rspamd 3.4 was seen to do: a
// composite that matches removes every symbol it names that is present and not under a negation,
// whether it was needed for the result or not, by its policy or the atom's prefix. Removals are
// carried out at the end of a pass: of several matched composites one that keeps a symbol (or its
// weight) wins over those that remove it, and `^` overrides that. The second pass still sees what
// the first has removed.
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

// Which composites read a symbol. One whose atoms are all absent has one value for ever: it is
// either in `always` or false, so that a message costs the composites that its symbols touch.
struct CompositeIndex {
  std::vector<uint32_t> begin;    // [symbols + 1] into readers
  std::vector<uint32_t> readers;  // indices into ScoreModel::composites
  std::vector<uint32_t> always;   // true where none of their atoms is present
};

// REQUIRED: link_program() said yes to each; ids are in range. The index is of this model alone.
CompositeIndex index_composites(const ScoreModel& model);

struct CompositeScratch {
  struct Request {
    SymbolId symbol;
    SymbolId by;
    uint32_t order;
    bool take_symbol, take_weight, force;
  };
  std::vector<Request> requests;  // of one pass
  std::vector<uint64_t> due;      // a bit a composite: still to be evaluated in this pass
};

// Runs the composites of one pass in the model's order: the first, or those that use post-filters.
void run_composites(const ScoreModel& model, const CompositeIndex& readers, bool second_pass,
                    const OptionRegexps& regexps, CompositeScratch& scratch, Board& board);

}  // namespace winnow
