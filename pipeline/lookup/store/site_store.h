// The stores of a site beside its statistics: what calls to mail servers found out, what DMARC
// reports are made of. Each module's is in Redis where the configuration names servers for it or
// for all, else in one folder (LMDB), which is made when it is first needed.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "pipeline/load.h"
#include "pipeline/lookup/store/redis_options.h"
#include "pipeline/lookup/store/store.h"
#include "rules/config/redis_section.h"

namespace winnow {

class SiteStores {
 public:
  // One for the process: a folder is opened once.
  explicit SiteStores(std::string folder) : folder_(std::move(folder)) {}
  // The same store as before where the configuration says the same of it. Errors: what opening it
  // says; servers of Redis that are named wrongly. `section` of the configuration is `module`.
  Result<std::shared_ptr<Store>> of(const Loaded& loaded, std::string_view module);

 private:
  const std::string folder_;
  std::shared_ptr<Store> embedded_;
  std::map<std::string, std::pair<RedisOptions, std::shared_ptr<Store>>, std::less<>> redis_;
};

}  // namespace winnow
