// Every option of every module as one row of tables/options.tsv: it drives the checks of a
// loaded configuration, `confighelp` and the reference.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/result.h"
#include "rules/config/ucl.h"

namespace winnow {

// A row. `section` is a dotted path whose `*` stands for a name that the site chooses; `key` in
// angle brackets stands for any key.
struct OptionRow {
  std::string_view section;
  std::string_view key;
  std::string_view type;           // bool int float time size string list enum map object …
  std::string_view unit;           // unit, bounds ("0..1") or the values of an enum ("a|b")
  std::string_view default_value;  // empty: none
  std::string_view since;          // "4.x", "old" or empty
  std::string_view sentence;
};

// All rows, sorted by section and key. Parsed once from the embedded table.
std::span<const OptionRow> option_rows();
const OptionRow* find_option(std::string_view section, std::string_view key);
// Rows of one section, in order.
std::span<const OptionRow> section_options(std::string_view section);
// Names of all sections and modules, sorted.
std::span<const std::string_view> option_sections();
// Whether a section of that path has keys of its own or sections inside.
bool is_option_section(std::string_view path);

// Unknown sections and keys, wrong types, values out of their range, a section repeated inside
// its own file, scalars that stand twice. Errors: the same inside winnow { }.
Result<void> check_options(const UclObject& root, std::vector<Warning>& warnings);

// The row of a value in a loaded tree; null where no row speaks of it.
const OptionRow* option_of(const UclObject& value);

// Text of `confighelp PATH…` ("options.dns", "rbl.rbls.*", "options.dns.timeout"), as JSON if
// asked; of `confighelp -k WORD` with keyword. Empty where nothing is known of it.
std::string option_help(std::string_view path, bool json);
std::string option_search(std::string_view keyword, bool json);

}  // namespace winnow
