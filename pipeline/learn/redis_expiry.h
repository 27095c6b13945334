// Expiry of tokens in Redis, as Rspamd's bayes_expiry does it (facts: Rspamd 3.4): one step now and
// then looks at some keys and gives each a life that fits what it is worth.
//
//   even       all classes have seen it alike: it says nothing and lives common_ttl at most
//   significant  seen at least as often as the mean of this step, mostly in one class: no end
//   all else   lives `expire` seconds from now on, unless it has less already
//
// Many processes may do it: a lock in Redis lets one of them in a period. Its keys are named by
// sha1 of the pattern of keys: <sha1>_lock, <sha1>_cursor.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "pipeline/lookup/store/redis_client.h"
#include "rules/checks/learned/bayes.h"

namespace winnow {

class UclObject;

struct RedisExpiryOptions {
  uint32_t interval_s = 60;
  uint32_t count = 1'000;        // keys a step looks at
  double epsilon_common = 0.01;  // so near to an even share (of two classes a half) a token is even
  int64_t common_ttl_s = 864'000;
  double significant_factor = 0.75;
};

// `bayes_expiry { … }` of the configuration; what is out of range stays as it is here.
RedisExpiryOptions redis_expiry_options(const UclObject& root);

struct ExpiryStep {
  bool ran = false;  // false: another one did, a short while ago
  uint64_t tokens = 0, made_to_end = 0, made_to_stay = 0;
};

// What becomes of a token with these counts, one for each class. `ttl_s`: what is left of its life,
// -1: it has no end. Nothing: it stays as it is; -1: no end; else seconds.
std::optional<int64_t> token_life(const RedisExpiryOptions& options, int64_t expire_s,
                                  std::span<const uint64_t> counts, double mean, int64_t ttl_s);

// REQUIRED: layout.expire_s is not 0. Errors: Redis'. Each step is of one
// server: in a Cluster of one master after the other.
Result<ExpiryStep> expire_step(RedisClient& client, const RedisLayout& layout,
                               const RedisExpiryOptions& options);

}  // namespace winnow
