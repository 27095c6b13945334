// winnow limits: the memory ceiling of a run, as an itemised sum that follows from the options.
#include "pipeline/limits.h"

#include <fmt/format.h>

#include <optional>

#include "ingest/commands/argument_parser.h"
#include "ingest/commands/command.h"
#include "ingest/commands/scan_options.h"
#include "ingest/serve/service_limits.h"

namespace winnow {

int limits_command(const std::vector<std::string>& arguments) {
  ArgumentParser parser(
      "Prints the memory ceiling of a scan with these options, itemised; with --serve that of the "
      "service.",
      "winnow limits");
  ScanOptions options;
  options.add_to(parser);
  bool serve = false;
  parser.add_flag("--serve", serve, "of winnow serve, by what the configuration says");
  if (const std::optional<int> over = parser.parse(arguments)) return *over;
  Result<Loaded> loaded = load_rules(options.load);
  if (!loaded) {
    complain("limits", loaded.error().text());
    return kExitUsage;
  }
  uint64_t sum = 0;
  fmt::print("{:<34} {:>10}  {}\n", "WHAT", "MIB", "FOLLOWS FROM");
  ServiceLimits service;
  if (serve) {
    read_service_limits(loaded->config->root(), service);
    options.flow.byte_budget = service.service.byte_budget;
  }
  std::vector<MemoryItem> items = memory_ceiling(*loaded->rules, options.flow);
  if (serve) {
    // The service's own items for mail take the place of the flow's.
    std::erase_if(items, [](const MemoryItem& item) {
      return item.what == "mail in the flow" || item.what == "one message over the budget";
    });
    const std::vector<MemoryItem> own = service_ceiling(loaded->config->root(), service);
    items.insert(items.begin(), own.begin(), own.end());
  }
  for (const MemoryItem& item : items) {
    fmt::print("{:<34} {:>10.1f}  {}\n", item.what, static_cast<double>(item.bytes) / (1 << 20),
               item.from);
    sum += item.bytes;
  }
  fmt::print("{:<34} {:>10.1f}\n", "ceiling", static_cast<double>(sum) / (1 << 20));
  return kExitGood;
}

}  // namespace winnow
