// Statistics in Redis, copied out and in key by key as `rspamadm statistics_dump` does. Unlike what
// is learnt, what is restored twice counts twice.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "pipeline/learn/rspamd_dump.h"
#include "pipeline/lookup/store/redis_client.h"
#include "rules/checks/learned/bayes.h"

namespace winnow {

// Calls `take` for each key, `batch` keys asked at once: the sets of KEYs, then each KEY and its
// tokens. Errors: Redis', and a Cluster, whose nodes nobody walks here.
Result<void> dump_redis(RedisClient& client, const RedisLayout& layout, size_t batch,
                        const std::function<void(const DumpedKey&)>& take);

enum class RestoreMode : uint8_t { kAppend, kSubtract, kReplace };

using RedisWords = std::vector<std::string>;
// Commands that restore a key. REQUIRED: counts are numbers (add_dumped() says so).
std::vector<RedisWords> restore_commands(const DumpedKey& key, RestoreMode mode);
// Carries them out. Errors: Redis', also where one of them is refused.
Result<void> run_commands(RedisClient& client, std::span<const RedisWords> commands);

}  // namespace winnow
