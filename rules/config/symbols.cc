#include "rules/config/symbols.h"

#include <algorithm>
#include <vector>

#include "rules/config/embedded.h"

namespace winnow {

std::span<const KnownSymbol> known_symbols() {
  static const std::vector<KnownSymbol> symbols = [] {
    std::vector<KnownSymbol> out;
    std::string_view text = embedded_file(embedded_tables(), "symbols.tsv").bytes;
    text.remove_prefix(std::min(text.find('\n') + 1, text.size()));  // the names of the columns
    while (!text.empty()) {
      const std::string_view line = text.substr(0, text.find('\n'));
      text.remove_prefix(std::min(line.size() + 1, text.size()));
      const size_t tab = std::min(line.find('\t'), line.size());
      out.push_back({line.substr(0, tab), line.substr(std::min(tab + 1, line.size()))});
    }
    return out;
  }();
  return symbols;
}

bool is_known_symbol(std::string_view name) {
  return std::ranges::binary_search(known_symbols(), name, {}, &KnownSymbol::name);
}

}  // namespace winnow
