// winnow limits: the memory ceiling of a run, as an itemised sum that follows from the options.
#include "pipeline/limits.h"

#include <fmt/format.h>

#include <optional>

#include "ingest/commands/command.h"
#include "ingest/commands/scan_options.h"

namespace winnow {

int limits_command(const std::vector<std::string>& arguments) {
  CLI::App app("Prints the memory ceiling of a scan with these options, itemised.",
               "winnow limits");
  ScanOptions options;
  options.add_to(app);
  if (const std::optional<int> over = parse_arguments(app, arguments)) return *over;
  Result<Loaded> loaded = load_rules(options.load);
  if (!loaded) {
    complain("limits", loaded.error().text());
    return kExitUsage;
  }
  uint64_t sum = 0;
  fmt::print("{:<34} {:>10}  {}\n", "WHAT", "MIB", "FOLLOWS FROM");
  for (const MemoryItem& item : memory_ceiling(*loaded->rules, options.flow)) {
    fmt::print("{:<34} {:>10.1f}  {}\n", item.what, static_cast<double>(item.bytes) / (1 << 20),
               item.from);
    sum += item.bytes;
  }
  fmt::print("{:<34} {:>10.1f}\n", "ceiling", static_cast<double>(sum) / (1 << 20));
  return kExitGood;
}

}  // namespace winnow
