// Which statistics a configuration means, opened.
#pragma once

#include <memory>
#include <string>

#include "pipeline/learn/site_statistics.h"
#include "pipeline/load.h"
#include "pipeline/lookup/store/redis_client.h"

namespace winnow {

enum class OpenStatistics : uint8_t {
  kLearn,   // to learn: what is not there is made
  kLook,    // what learning would do: null where nothing was learnt yet
  kRead,    // to judge: a folder that is named must be there; an empty one: null
  kFolder,  // as kRead, but Redis is not asked
};

// With `backend = "redis"` those in Redis, whose learning log is in `folder`; else those of
// `folder`. Errors: what opening them says; servers of Redis that are not named, or wrongly.
Result<std::shared_ptr<SiteStatistics>> open_statistics(const Loaded& loaded,
                                                        const std::string& folder,
                                                        OpenStatistics how);

// A client of the Redis that statistics are in. REQUIRED: the configuration has them there.
Result<std::unique_ptr<RedisClient>> statistics_client(const Loaded& loaded);

}  // namespace winnow
