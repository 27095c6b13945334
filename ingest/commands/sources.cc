#include "ingest/commands/sources.h"

#include "ingest/commands/argument_parser.h"
#include "pipeline/learn/open_statistics.h"
#include "pipeline/lookup/settings.h"

namespace winnow {

void SourceOptions::add_to(ArgumentParser& parser) {
  parser.add_option("--statistics", statistics,
                    "judge with what was learnt into this folder (winnow learn)");
  parser.add_flag("--dns", dns,
                  "ask name servers (options.dns of the configuration, else those of the system)");
  parser.add_flag("--offline", offline,
                  "remote maps as the cache has them, nothing is fetched; no Redis is asked");
}

Result<AnswerSources> open_sources(const Loaded& loaded, const SourceOptions& options,
                                   const std::function<void(const std::string&)>& warn) {
  const RuleSet& rules = *loaded.rules;
  AnswerSources sources;
  if (options.dns) {
    Result<LookupOptions> servers = lookup_options(rules.dns);
    if (!servers) return fail(servers.error());
    sources.lookup = std::make_shared<Lookup>(*servers);
    sources.probes = probes_for(rules, nullptr);
    sources.lookup->watch(lists_of(rules), warn);
  }
  auto statistics =
      open_statistics(loaded, options.statistics,
                      options.offline ? OpenStatistics::kFolder : OpenStatistics::kRead);
  if (!statistics) return fail(statistics.error());
  sources.statistics = std::move(*statistics);
  if (!options.offline) {
    auto traps = open_stored_traps(loaded, warn);
    if (!traps) return fail(traps.error());
    sources.traps = std::move(*traps);
  }
  return sources;
}

}  // namespace winnow
