// What scan, explain and the corpus commands have in common: where rules come from, how mail is
// read, how the flow is sized.
#pragma once

#include <string>
#include <vector>

#include "ingest/corpus/source.h"
#include "pipeline/flow.h"
#include "pipeline/load.h"

namespace winnow {

class ArgumentParser;

struct ScanOptions {
  std::vector<std::string> paths;
  std::string now;
  std::string read_as = "guess";
  uint32_t ip_from_received = 0;
  RulesOptions load;
  FlowOptions flow;

  void add_to(ArgumentParser& parser);
  // Checks values against each other; false after complaining.
  Result<void> finish();
  ReadOptions read;
  int64_t now_ms = 0;
};

// The folder of a site's data: $DBDIR, by --var or as Debian has it.
std::string data_folder(const RulesOptions& options);
// Where a site's statistics are: `given`, else $DBDIR/statistics, by --var or as Debian has it.
std::string statistics_folder(const std::string& given, const RulesOptions& options);

// Threads = min(affinity, cgroup quota), at least one.
unsigned default_threads();
// --var NAME=VALUE. REQUIRED: `options` outlives `parser`.
void add_variables(ArgumentParser& parser, RulesOptions& options);
// --config, --policy, --var, --skip-template. REQUIRED: the same.
void add_place_options(ArgumentParser& parser, RulesOptions& options);

}  // namespace winnow
