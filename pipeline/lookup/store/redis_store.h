// A store in Redis or Valkey. What is in it is Winnow's own; data that Rspamd reads too is written
// by who knows its layout (pipeline/learn/redis_statistics.h).
//
// Keys: PREFIX, a letter for the kind, the key. PREFIX has a hash tag, so that in a Cluster all is
// in one slot and a batch can be one step. A batch is one script: Redis carries nothing out
// between.
//   v  string   u64 expires_ms (big-endian, 0: never) | value
//   c  hash     "0" … "7": counters; one that is 0 is not there
//   l  list     s  sorted set
//   x  sorted set of the keys of values that expire, by when
//   n  number of batches so far
//
// Differences to the tables on disk: scan() reads all keys of the server for each call; a write
// whose reply was lost may have been carried out, which its error says; acknowledged is as durable
// as the server's own settings make it.
#pragma once

#include <memory>

#include "pipeline/lookup/store/redis_client.h"
#include "pipeline/lookup/store/store.h"

namespace winnow {

std::unique_ptr<Store> redis_store(std::shared_ptr<RedisClient> client,
                                   std::string prefix = "{winnow}:");

}  // namespace winnow
