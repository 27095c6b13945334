// winnow maps: every map that the configuration names, what was read of it and what went wrong.
#include <fmt/format.h>

#include <optional>

#include "ingest/commands/command.h"
#include "ingest/commands/scan_options.h"

namespace winnow {

int maps_command(const std::vector<std::string>& arguments) {
  CLI::App app("Lists the maps of a configuration: kind, entries, bytes, source, last error.",
               "winnow maps");
  RulesOptions load;
  app.add_option("-c,--config", load.config, "site configuration");
  app.add_option("--policy", load.policy, "directory of the shipped policy");
  app.add_option("--cache", load.cache, "directory of compiled pattern databases");
  add_variables(app, load);
  if (const std::optional<int> over = parse_arguments(app, arguments)) return *over;
  Result<Loaded> loaded = load_rules(load);
  if (!loaded) {
    complain("maps", loaded.error().text());
    return kExitUsage;
  }
  bool broken = false;
  fmt::print("{:<12} {:>9} {:>11}  {}\n", "KIND", "ENTRIES", "BYTES", "SOURCE");
  for (const MapInfo& map : loaded->rules->maps) {
    fmt::print("{:<12} {:>9} {:>11}  {}\n", map_kind_name(map.kind), map.entries, map.bytes,
               map.source);
    if (map.error.empty()) continue;
    broken = true;
    fmt::print("{:<34}  {} ({})\n", "", map.error, map.place.text());
  }
  return broken ? kExitFindings : kExitGood;
}

}  // namespace winnow
