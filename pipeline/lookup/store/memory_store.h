// A store that lasts as long as the process: for tests, trials and models that are rebuilt.
#pragma once

#include "pipeline/lookup/store/table.h"

namespace winnow {

// `limit_bytes`: of keys and values, without what the containers need.
// `packed`: REQUIRED to outlive the store.
std::unique_ptr<Store> memory_store(uint64_t limit_bytes = 1ull << 30,
                                    std::span<const PackedFamily> packed = {});

}  // namespace winnow
