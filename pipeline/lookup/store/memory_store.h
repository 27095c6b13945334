// A store that lasts as long as the process: for tests, trials and models that are rebuilt.
#pragma once

#include "pipeline/lookup/store/store.h"

namespace winnow {

// `limit_bytes`: of keys and values, without what the containers need.
std::unique_ptr<Store> memory_store(uint64_t limit_bytes = 1ull << 30);

}  // namespace winnow
