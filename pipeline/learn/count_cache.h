// Token counts that were asked for before, and which tokens there are at all, of one version of the
// store. Direct-mapped and of fixed size, so that it needs no bookkeeping; absent tokens are kept
// as zeros. Thread-safe.
//
// Most tokens of new mail were never seen: a filter (Bloom's, a cache line a token) says so without
// the store. It is filled by who can walk all tokens (fill_filter), and lost with any change of the
// store that did not go through advance().
//
// What it promises: once a step of learning is in the model, nobody who asks afterwards is told
// counts from before. Who asks while it happens may be told some from before and some from after.
#pragma once

#include <cstdint>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "engine/classify/tokens.h"

namespace winnow {

class CountCache {
 public:
  static constexpr size_t kEntries = 1 << 19;          // of 32 bytes: 16 MB, once the first is kept
  static constexpr size_t kFilterTokensMax = 1 << 24;  // more have no filter; it has 64 MB then
  static constexpr size_t kBytesMax = kEntries * 32 + kFilterTokensMax * 4;
  // A token's space: its tokenizer and scope.
  struct Token {
    uint64_t space = 0, hash = 0;
    TokenCount count = {};  // for fill_filter
  };

  // Fills counts[i] where hashes[i] is known in `state`; appends the others' indices to `missing`.
  void find(uint64_t state, uint64_t space, std::span<const uint64_t> hashes,
            std::span<TokenCount> counts, std::vector<uint32_t>& missing);
  // Keeps counts[i] for each i of `which`, unless the model has moved on meanwhile.
  void keep(uint64_t state, uint64_t space, std::span<const uint64_t> hashes,
            std::span<const TokenCount> counts, std::span<const uint32_t> which);
  // From state `from` to `to` these tokens have changed, and no others: all else stays.
  void advance(uint64_t from, uint64_t to, std::span<const Token> changed);

  // True once, when the store was asked so often that a filter is worth its making, at most every
  // kFilterPause; then the caller gathers all tokens of `state`.
  bool wants_filter(uint64_t state);
  // Also keeps the counts of those that were seen more than once: they come again.
  void fill_filter(uint64_t state, std::span<const Token> tokens);
  bool has_filter() const;

 private:
  struct alignas(32) Entry {
    uint64_t key = 0;
    uint32_t generation = 0;
    TokenCount count;
  };
  struct alignas(64) Block {
    uint64_t words[8] = {};
  };
  static uint64_t key_of(uint64_t space, uint64_t hash);
  static void set(Block& block, uint64_t key);
  static bool has(const Block& block, uint64_t key);
  Block& block_of(uint64_t key);
  void move_to(uint64_t state);

  mutable std::mutex mutex_;
  uint64_t state_ = ~uint64_t{0};
  uint32_t generation_ = 1;  // of state_; an entry of another one is empty
  std::vector<Entry> entries_;
  std::vector<Block> filter_;   // a power of two of them; empty: none
  size_t filter_tokens_ = 0;    // in it
  uint64_t asked_ = 0;          // tokens that the store was asked for since there is no filter
  int64_t filter_next_ms_ = 0;  // when one may be made again
};

}  // namespace winnow
