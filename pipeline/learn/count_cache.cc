#include "pipeline/learn/count_cache.h"

#include <algorithm>

namespace winnow {

// Spaces (tokenizer and scope) share the entries.
uint64_t CountCache::key_of(uint64_t space, uint64_t hash) {
  uint64_t key = hash ^ space * 0x9E3779B97F4A7C15u;
  key ^= key >> 32;
  return key * 0xd6e8feb86659fd93u;
}

void CountCache::find(uint64_t state, uint64_t space, std::span<const uint64_t> hashes,
                      std::span<TokenCount> counts, std::vector<uint32_t>& missing) {
  const std::lock_guard lock(mutex_);
  if (state != state_) {
    state_ = state;
    if (++generation_ == 0) {
      std::ranges::fill(entries_, Entry{});
      generation_ = 1;
    }
  }
  for (uint32_t i = 0; i < hashes.size(); ++i) {
    const uint64_t key = key_of(space, hashes[i]);
    const Entry* const entry = entries_.empty() ? nullptr : &entries_[key >> 45];
    if (entry && entry->key == key && entry->generation == generation_)
      counts[i] = entry->count;
    else
      missing.push_back(i);
  }
}

void CountCache::keep(uint64_t state, uint64_t space, std::span<const uint64_t> hashes,
                      std::span<const TokenCount> counts, std::span<const uint32_t> which) {
  const std::lock_guard lock(mutex_);
  if (state != state_) return;
  if (entries_.empty()) entries_.resize(kEntries);
  for (const uint32_t i : which) {
    const uint64_t key = key_of(space, hashes[i]);
    entries_[key >> 45] = {key, generation_, counts[i]};
  }
}

}  // namespace winnow
