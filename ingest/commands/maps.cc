// winnow maps: every map that the configuration names, what was read of it and what went wrong.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "ingest/commands/argument_parser.h"
#include "ingest/commands/command.h"
#include "ingest/commands/scan_options.h"

namespace winnow {

namespace {

// "12s", "5m", "3h", "8d"
std::string span(int64_t ms) {
  const int64_t s = std::max<int64_t>(ms, 0) / 1000;
  return s < 120          ? fmt::format("{}s", s)
         : s < 2 * 3600   ? fmt::format("{}m", s / 60)
         : s < 2 * 86'400 ? fmt::format("{}h", s / 3600)
                          : fmt::format("{}d", s / 86'400);
}

// One line a map with its first source; further sources follow, with what the last check of each
// said.
bool print_map(const MapInfo& map, const MapService& service, int64_t now_ms) {
  bool good = map.error.empty();
  bool first = true;
  for (const MapSource& source : map.spec.sources) {
    const MapSourceState state = service.state(source);
    if (first)
      fmt::print("{:<12} {:>9} {:>11}", map_kind_name(map.spec.kind), map.map->size(),
                 map.map->bytes());
    else
      fmt::print("{:34}", "");
    fmt::print("  {:>6} {:>6}  {}\n", state.changed_ms ? span(now_ms - state.changed_ms) : "-",
               state.remote && state.next_ms ? span(state.next_ms - now_ms) : "-", state.name);
    first = false;
    if (state.error.empty() || state.error == map.error) continue;
    good = false;
    fmt::print("{:51}{}\n", "", state.error);
  }
  if (!map.error.empty()) fmt::print("{:51}{} ({})\n", "", map.error, map.place.text());
  return good;
}

}  // namespace

int maps_command(const std::vector<std::string>& arguments) {
  ArgumentParser parser(
      "Lists the maps of a configuration: kind, entries, bytes held, age of each source, time to "
      "its next check, source, last error. Asks the servers of remote maps that are due.",
      "winnow maps");
  RulesOptions load;
  bool offline = false;
  parser.add_option("-c,--config", load.config, "site configuration");
  parser.add_option("--policy", load.policy, "directory of the shipped policy");
  parser.add_option("--cache", load.cache, "directory of pattern databases and copies of maps");
  parser.add_flag("--offline", offline, "remote maps as the cache has them, nothing is fetched");
  add_variables(parser, load);
  if (const std::optional<int> over = parser.parse(arguments)) return *over;
  load.fetch_maps = !offline;
  RuleLoader loader(load);
  Result<Loaded> loaded = loader.load();
  if (!loaded) {
    complain("maps", loaded.error().text());
    return kExitUsage;
  }
  bool good = true;
  fmt::print("{:<12} {:>9} {:>11}  {:>6} {:>6}  {}\n", "KIND", "ENTRIES", "BYTES", "AGE", "NEXT",
             "SOURCE");
  const int64_t now_ms = clock_ms();
  for (const MapInfo& map : loaded->rules->maps)
    good = print_map(map, loader.maps(), now_ms) && good;
  return good ? kExitGood : kExitFindings;
}

}  // namespace winnow
