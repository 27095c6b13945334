#include "pipeline/learn/open_statistics.h"

#include "pipeline/learn/redis_statistics.h"
#include "pipeline/learn/statistics.h"
#include "pipeline/lookup/store/redis_options.h"

namespace winnow {

namespace {

Result<std::shared_ptr<SiteStatistics>> open_redis(const Loaded& loaded, const RedisLayout& layout,
                                                   const std::string& folder) {
  auto client = statistics_client(loaded);
  if (!client) return fail(client.error());
  auto opened = RedisStatistics::open(std::move(*client),
                                      {.layout = layout,
                                       .expiry = redis_expiry_options(loaded.config->root()),
                                       .folder = folder,
                                       .cache_ms = layout.fresh_s * 1'000});
  if (!opened) return fail(opened.error());
  return std::shared_ptr<SiteStatistics>(std::move(*opened));
}

}  // namespace

Result<std::unique_ptr<RedisClient>> statistics_client(const Loaded& loaded) {
  const UclObject& root = loaded.config->root();
  const Result<RedisOptions> servers = redis_options(root, bayes_section(root), "bayes");
  if (!servers) return fail(servers.error());
  return RedisClient::make(*servers);
}

Result<std::shared_ptr<SiteStatistics>> open_statistics(const Loaded& loaded,
                                                        const std::string& folder,
                                                        OpenStatistics how) {
  const BayesPlan* const plan = find_bayes(*loaded.rules);
  if (plan && plan->redis && how != OpenStatistics::kFolder)
    return open_redis(loaded, *plan->redis, how == OpenStatistics::kLearn ? folder : "");
  const bool there = !folder.empty() && TokenStatistics::exists(folder);
  if (folder.empty() || (how == OpenStatistics::kLook && !there)) return nullptr;
  auto opened =
      TokenStatistics::open({.folder = folder, .read_only = how != OpenStatistics::kLearn});
  if (!opened) return fail(opened.error());
  return std::shared_ptr<SiteStatistics>(std::move(*opened));
}

}  // namespace winnow
