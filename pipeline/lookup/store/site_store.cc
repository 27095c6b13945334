#include "pipeline/lookup/store/site_store.h"

#include <fmt/format.h>

#include "pipeline/lookup/store/lmdb_store.h"
#include "pipeline/lookup/store/redis_store.h"

namespace winnow {

Result<std::shared_ptr<Store>> SiteStores::of(const Loaded& loaded, std::string_view module) {
  const UclObject& root = loaded.config->root();
  const UclObject* const section = root.find(module);
  if (names_redis_servers(root, section)) {
    const Result<RedisOptions> options = redis_options(root, section, module);
    if (!options) return fail(options.error());
    auto& [known, store] = redis_[std::string(module)];
    if (store && known == *options) return store;
    auto client = RedisClient::make(*options);
    if (!client) return fail(client.error());
    known = *options;
    store = redis_store(std::move(*client), fmt::format("{{winnow-{}}}:", module));
    return store;
  }
  if (!embedded_) {
    auto opened = open_lmdb_store({.folder = folder_});
    if (!opened) return fail(opened.error());
    embedded_ = std::move(*opened);
  }
  return embedded_;
}

}  // namespace winnow
