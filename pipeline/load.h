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
#include "pipeline/maps/service.h"
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
  // Remote maps that are due are fetched before the rules are there; else they are as the cache
  // has them.
  bool fetch_maps = false;
};

struct Loaded {
  std::shared_ptr<const RuleSet> rules;
  // What they were made of: front ends read their own sections of it.
  std::shared_ptr<const Config> config;
  // Databases that were not in the cache: call it (it takes seconds) and give the result to
  // Run::use(). Empty where the cache was warm.
  std::function<std::shared_ptr<const MatchPlan>()> build_databases;
};

// The merged configuration of the shipped policy and the site.
Result<Config> load_configuration(const RulesOptions& options);

// Loads rule sets one after the other and owns the maps they are made of. One thread uses it.
class RuleLoader {
 public:
  // `log` is told what becomes of maps; called by any thread, also under a lock of the map
  // service.
  explicit RuleLoader(RulesOptions options, MapService::Log log = {});
  ~RuleLoader();

  // Reads the configuration anew. Errors: it has a syntax error, or with `strict` any warning;
  // what was loaded before is still there then.
  Result<Loaded> load();
  // The same configuration with its maps as they are now. REQUIRED: load() succeeded once.
  Result<Loaded> refresh();
  // From now on maps are watched and fetched; `changed` is called on another thread when
  // refresh() has something to do.
  void watch(std::function<void()> changed);
  void stop();  // watching; waits for its thread

  // REQUIRED: load() succeeded once.
  const MapService& maps() const { return *maps_; }

 private:
  struct LatestPlan;
  Result<Loaded> compile(const std::shared_ptr<const Config>& config, MapService& maps,
                         const RuleSet* before);

  const RulesOptions options_;
  const MapService::Log log_;
  std::shared_ptr<LatestPlan> plan_;
  std::function<void()> changed_;
  std::shared_ptr<const Config> config_;
  std::unique_ptr<MapService> maps_;
  std::shared_ptr<const RuleSet> rules_;
};

// One rule set, once.
Result<Loaded> load_rules(const RulesOptions& options);

// Unix milliseconds.
int64_t clock_ms();

}  // namespace winnow
