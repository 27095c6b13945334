// The names of Rspamd's symbols: what a weight or an expression may speak of although the module
// that inserts it is not there yet.
#pragma once

#include <span>
#include <string_view>

namespace winnow {

struct KnownSymbol {
  std::string_view name;
  std::string_view group;  // its first; may be empty
};

// Sorted by name. Read once from tables/symbols.tsv.
std::span<const KnownSymbol> known_symbols();
bool is_known_symbol(std::string_view name);

}  // namespace winnow
