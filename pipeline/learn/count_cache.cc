#include "pipeline/learn/count_cache.h"

#include <algorithm>
#include <bit>
#include <chrono>

namespace winnow {

namespace {

constexpr uint64_t kAskedEnough = 100'000;  // as many as some hundred messages have
constexpr int64_t kFilterPauseMs = 30'000;
constexpr size_t kTokensABlock = 32;  // 16 bits a token: one absent token in 500 is looked for

int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

// Spaces share the entries.
uint64_t CountCache::key_of(uint64_t space, uint64_t hash) {
  uint64_t key = hash ^ space * 0x9E3779B97F4A7C15u;
  key ^= key >> 32;
  return key * 0xd6e8feb86659fd93u;
}

// Five bits of a token's block, by its key's middle bits; the upper ones choose block and entry.
void CountCache::set(Block& block, uint64_t key) {
  for (int i = 0; i < 5; ++i, key >>= 6) block.words[i + (key & 3)] |= uint64_t{1} << (key & 63);
}
bool CountCache::has(const Block& block, uint64_t key) {
  for (int i = 0; i < 5; ++i, key >>= 6)
    if ((block.words[i + (key & 3)] >> (key & 63) & 1) == 0) return false;
  return true;
}
CountCache::Block& CountCache::block_of(uint64_t key) {
  return filter_[(key >> 32) & (filter_.size() - 1)];
}

// REQUIRED: the mutex.
void CountCache::move_to(uint64_t state) {
  if (state == state_) return;
  state_ = state;
  filter_.clear();
  filter_tokens_ = 0;
  if (++generation_ == 0) {
    std::ranges::fill(entries_, Entry{});
    generation_ = 1;
  }
}

void CountCache::find(uint64_t state, uint64_t space, std::span<const uint64_t> hashes,
                      std::span<TokenCount> counts, std::vector<uint32_t>& missing) {
  constexpr size_t kAhead = 16;
  const std::lock_guard lock(mutex_);
  move_to(state);
  if (entries_.empty()) entries_.resize(kEntries);
  const auto fetch = [&](size_t i) {
    const uint64_t key = key_of(space, hashes[i]);
    __builtin_prefetch(&entries_[key >> 45]);
    if (!filter_.empty()) __builtin_prefetch(&block_of(key));
  };
  for (size_t i = 0; i < std::min(kAhead, hashes.size()); ++i) fetch(i);
  for (uint32_t i = 0; i < hashes.size(); ++i) {
    if (i + kAhead < hashes.size()) fetch(i + kAhead);
    const uint64_t key = key_of(space, hashes[i]);
    const Entry& entry = entries_[key >> 45];
    if (entry.key == key && entry.generation == generation_)
      counts[i] = entry.count;
    else if (!filter_.empty() && !has(block_of(key), key))
      counts[i] = {};
    else
      missing.push_back(i);
  }
  if (filter_.empty()) asked_ += missing.size();
}

void CountCache::keep(uint64_t state, uint64_t space, std::span<const uint64_t> hashes,
                      std::span<const TokenCount> counts, std::span<const uint32_t> which) {
  const std::lock_guard lock(mutex_);
  if (state != state_) return;
  if (entries_.empty()) entries_.resize(kEntries);
  for (const uint32_t i : which) {
    const uint64_t key = key_of(space, hashes[i]);
    Entry& entry = entries_[key >> 45];
    entry.key = key;
    entry.generation = generation_;
    entry.count = counts[i];
  }
}

void CountCache::advance(uint64_t from, uint64_t to, std::span<const Token> changed) {
  const std::lock_guard lock(mutex_);
  if (state_ != from) return;
  state_ = to;
  if (filter_tokens_ + changed.size() > filter_.size() * kTokensABlock) filter_.clear();
  for (const Token& token : changed) {
    const uint64_t key = key_of(token.space, token.hash);
    if (!entries_.empty())
      if (Entry& entry = entries_[key >> 45]; entry.key == key) entry.generation = 0;
    if (filter_.empty()) continue;
    set(block_of(key), key);
    ++filter_tokens_;
  }
}

bool CountCache::wants_filter(uint64_t state) {
  const std::lock_guard lock(mutex_);
  if (state != state_ || !filter_.empty() || asked_ < kAskedEnough) return false;
  const int64_t now = now_ms();
  if (now < filter_next_ms_) return false;
  filter_next_ms_ = now + kFilterPauseMs;
  asked_ = 0;
  return true;
}

void CountCache::fill_filter(uint64_t state, std::span<const Token> tokens) {
  if (tokens.size() > kFilterTokensMax) return;
  // Twice the room that is needed now, for what is learnt later.
  std::vector<Block> filter(
      std::bit_ceil(std::max<size_t>(1'024, 2 * tokens.size() / kTokensABlock)));
  for (const Token& token : tokens) {
    const uint64_t key = key_of(token.space, token.hash);
    set(filter[(key >> 32) & (filter.size() - 1)], key);
  }
  const std::lock_guard lock(mutex_);
  if (state != state_) return;
  filter_ = std::move(filter);
  filter_tokens_ = tokens.size();
  if (entries_.empty()) entries_.resize(kEntries);
  for (const Token& token : tokens) {
    const uint64_t total = uint64_t{token.count.spam} + token.count.ham;
    if (total < 2) continue;
    const uint64_t key = key_of(token.space, token.hash);
    Entry& entry = entries_[key >> 45];
    if (entry.generation == generation_ && uint64_t{entry.count.spam} + entry.count.ham >= total)
      continue;
    entry.key = key;
    entry.generation = generation_;
    entry.count = token.count;
  }
}

bool CountCache::has_filter() const {
  const std::lock_guard lock(mutex_);
  return !filter_.empty();
}

}  // namespace winnow
