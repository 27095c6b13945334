// From configuration on disk to a running rule set: reads files, compiles patterns in parallel,
// keeps compiled databases in a cache directory.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/result.h"
#include "rules/compile/rule_set.h"
#include "rules/config/layers.h"

namespace winnow {

struct RulesOptions {
  std::string config;  // site configuration (rspamd.conf); empty = the shipped policy alone
  std::string policy;  // directory of the shipped policy; empty = the one in the binary
  std::string cache;   // directory of pattern databases; empty = $XDG_CACHE_HOME/winnow
  std::vector<std::pair<std::string, std::string>> variables;  // --var NAME=VALUE
  bool strict = false;                                         // warnings are errors
  bool keep_tests = false;
  bool skip_template = false;  // files of the site are no templates
  // What of the configuration is read: all, or the site's files alone without those of override.d,
  // or those of override.d alone. For configdump.
  enum class Layers : uint8_t { kAll, kLocal, kOverride };
  Layers layers = Layers::kAll;
};

struct Loaded {
  std::shared_ptr<const RuleSet> rules;
  Config config;  // what they were made of: front ends read their own sections of it
  // Databases that were not in the cache: call it (it takes seconds) and give the result to
  // Run::use(). Empty where the cache was warm.
  std::function<std::shared_ptr<const MatchPlan>()> build_databases;
};

// The merged configuration of the shipped policy and the site.
Result<Config> load_configuration(const RulesOptions& options);

// Errors: the configuration has a syntax error, or with `strict` any warning.
Result<Loaded> load_rules(const RulesOptions& options);

// Unix milliseconds.
int64_t clock_ms();

}  // namespace winnow
