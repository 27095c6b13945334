#include "engine/score/composites.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <span>
#include <utility>

#include "engine/score/evaluate.h"

namespace winnow {

namespace {

// Value of a symbol that is present with score 0: true, yet adds nothing to speak of.
constexpr double kEpsilon = 1e-3;  // micro-points

double value_of(const Board::Entry* entry) {
  if (!entry) return 0;
  return entry->score == 0 ? kEpsilon : static_cast<double>(entry->score);
}

bool options_match(const CompositeAtom& atom, const Board::Entry& entry, const Board& board,
                   const OptionRegexps& regexps) {
  for (size_t i = 0; i < atom.options.size(); ++i) {
    const uint32_t regexp = i < atom.regexps.size() ? atom.regexps[i] : kNoIndex;
    const bool any = board.any_option(entry, [&](std::string_view option) {
      if (regexp == kNoIndex) return option == atom.options[i];
      return regexps.matches && regexps.matches(regexps.context, regexp, option);
    });
    if (!any) return false;
  }
  return true;
}

bool in_group(const CompositeAtom& atom, const Symbol& symbol) {
  return atom.group_sign == 0 || (atom.group_sign > 0 ? symbol.score > 0 : symbol.score < 0);
}

// Calls f(symbol) for each present symbol that the atom names.
template <class F>
void each_present(const ScoreModel& model, const CompositeAtom& atom, const Board& board, F f) {
  if (atom.group == kNoId<GroupId>) {
    if (board.has(atom.symbol)) f(atom.symbol);
    return;
  }
  for (const SymbolId symbol : model.groups[index(atom.group)].symbols)
    if (in_group(atom, model.symbols[index(symbol)]) && board.has(symbol)) f(symbol);
}

double atom_value(const ScoreModel& model, const CompositeAtom& atom, const Board& board,
                  const OptionRegexps& regexps) {
  double value = 0;
  each_present(model, atom, board, [&](SymbolId symbol) {
    const Board::Entry* entry = board.find(symbol);
    if (!atom.options.empty() && !options_match(atom, *entry, board, regexps)) return;
    const double one = value_of(entry);
    if (std::fabs(one) > std::fabs(value)) value = one;
  });
  return value;
}

void request_removals(const ScoreModel& model, const Composite& composite,
                      const OptionRegexps& regexps, CompositeScratch& scratch, const Board& board) {
  for (const CompositeAtom& atom : composite.atoms) {
    if (atom.under_not || atom_value(model, atom, board, regexps) == 0) continue;
    bool take_symbol =
        composite.policy == Removal::kRemove || composite.policy == Removal::kRemoveSymbol;
    bool take_weight =
        composite.policy == Removal::kRemove || composite.policy == Removal::kRemoveWeight;
    if (atom.keep_symbol) take_symbol = false;
    if (atom.keep_all) take_symbol = take_weight = false;
    each_present(model, atom, board, [&](SymbolId symbol) {
      scratch.requests.push_back({symbol, composite.symbol,
                                  static_cast<uint32_t>(scratch.requests.size()), take_symbol,
                                  take_weight, atom.force_remove});
    });
  }
}

void carry_out(CompositeScratch& scratch, Board& board) {
  auto& requests = scratch.requests;
  std::sort(requests.begin(), requests.end(), [](const auto& a, const auto& b) {
    return a.symbol != b.symbol ? a.symbol < b.symbol : a.order < b.order;
  });
  for (size_t i = 0; i < requests.size();) {
    bool take_symbol = true, take_weight = true, force = false;
    SymbolId by = kNoId<SymbolId>;
    size_t end = i;
    for (; end < requests.size() && requests[end].symbol == requests[i].symbol; ++end) {
      const auto& request = requests[end];
      take_symbol &= request.take_symbol;
      take_weight &= request.take_weight;
      if (request.force && !force) by = request.by;
      force |= request.force;
      if (by == kNoId<SymbolId> && (request.take_symbol || request.take_weight)) by = request.by;
    }
    board.remove(requests[i].symbol, take_symbol || force, take_weight || force, by);
    i = end;
  }
}

// Evaluates one composite and inserts its symbol where it is true.
bool run_composite(const ScoreModel& model, const Composite& composite,
                   const OptionRegexps& regexps, CompositeScratch& scratch, Board& board) {
  if (!board.is_enabled(composite.symbol) || board.has(composite.symbol)) return false;
  const double value = evaluate(composite.program, static_cast<double>(kMicro), [&](uint32_t i) {
    return atom_value(model, composite.atoms[i], board, regexps);
  });
  if (value == 0) return false;
  board.insert(composite.symbol, 1, {});
  request_removals(model, composite, regexps, scratch, board);
  return true;
}

void set_due(CompositeScratch& scratch, uint32_t composite) {
  scratch.due[composite / 64] |= uint64_t{1} << (composite % 64);
}

std::span<const uint32_t> readers_of(const CompositeIndex& readers, SymbolId symbol) {
  const uint32_t first = readers.begin[index(symbol)];
  return {readers.readers.data() + first, readers.begin[index(symbol) + 1] - first};
}

}  // namespace

CompositeIndex index_composites(const ScoreModel& model) {
  std::vector<std::pair<uint32_t, uint32_t>> reads;  // symbol, composite
  CompositeIndex out;
  for (uint32_t c = 0; c < model.composites.size(); ++c) {
    const Composite& composite = model.composites[c];
    for (const CompositeAtom& atom : composite.atoms) {
      if (atom.group == kNoId<GroupId>) {
        if (atom.symbol != kNoId<SymbolId>) reads.emplace_back(index(atom.symbol), c);
        continue;
      }
      for (const SymbolId symbol : model.groups[index(atom.group)].symbols)
        reads.emplace_back(index(symbol), c);
    }
    const double idle =
        evaluate(composite.program, static_cast<double>(kMicro), [](uint32_t) { return 0.0; });
    if (idle != 0) out.always.push_back(c);
  }
  std::sort(reads.begin(), reads.end());
  reads.erase(std::unique(reads.begin(), reads.end()), reads.end());
  out.begin.assign(model.symbols.size() + 1, 0);
  for (const auto& [symbol, composite] : reads) {
    ++out.begin[symbol + 1];
    out.readers.push_back(composite);
  }
  for (size_t s = 1; s < out.begin.size(); ++s) out.begin[s] += out.begin[s - 1];
  return out;
}

void run_composites(const ScoreModel& model, const CompositeIndex& readers, bool second_pass,
                    const OptionRegexps& regexps, CompositeScratch& scratch, Board& board) {
  scratch.requests.clear();
  scratch.due.assign((model.composites.size() + 63) / 64, 0);
  for (const uint32_t composite : readers.always) set_due(scratch, composite);
  for (const Board::Entry& entry : board.entries())
    for (const uint32_t composite : readers_of(readers, entry.symbol)) set_due(scratch, composite);
  for (uint32_t word = 0; word < scratch.due.size(); ++word) {
    while (scratch.due[word] != 0) {
      const uint32_t c = word * 64 + static_cast<uint32_t>(std::countr_zero(scratch.due[word]));
      scratch.due[word] &= scratch.due[word] - 1;
      const Composite& composite = model.composites[c];
      if (composite.second_pass != second_pass ||
          !run_composite(model, composite, regexps, scratch, board)) {
        continue;
      }
      for (const uint32_t reader : readers_of(readers, composite.symbol))
        if (reader > c) set_due(scratch, reader);
    }
  }
  carry_out(scratch, board);
}

}  // namespace winnow
