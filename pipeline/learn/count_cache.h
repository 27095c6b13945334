// Token counts that were asked for before, of one version of the store: any change empties
// it. Direct-mapped and of fixed size, so that it needs no bookkeeping; absent tokens are kept as
// zeros. Thread-safe.
//
// What it promises: once a step of learning is in the model, nobody who asks afterwards is told
// counts from before. Who asks while it happens may be told some from before and some from after.
#pragma once

#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "engine/classify/tokens.h"

namespace winnow {

class CountCache {
 public:
  static constexpr size_t kEntries = 1 << 19;  // of 24 bytes: 12 MB, once the first is kept

  // Fills counts[i] where hashes[i] is known in `state`; appends the others' indices to `missing`.
  void find(uint64_t state, uint64_t space, std::span<const uint64_t> hashes,
            std::span<TokenCount> counts, std::vector<uint32_t>& missing);
  // Keeps counts[i] for each i of `which`, unless the model has moved on meanwhile.
  void keep(uint64_t state, uint64_t space, std::span<const uint64_t> hashes,
            std::span<const TokenCount> counts, std::span<const uint32_t> which);

 private:
  struct Entry {
    uint64_t key = 0;
    uint32_t generation = 0;
    TokenCount count;
  };
  static uint64_t key_of(uint64_t space, uint64_t hash);

  std::mutex mutex_;
  uint64_t state_ = ~uint64_t{0};
  uint32_t generation_ = 0;  // of state_; an entry of another one is empty
  std::vector<Entry> entries_;
};

}  // namespace winnow
