// Token counts in memory, of one version of the store: an open table of slots of 8 bytes, eight to
// a cache line, that is read with prefetches. Thread-safe; who asks does not wait for others who
// ask.
//
// Once filled (Filling, by who can walk all tokens) it holds every token, and what it does not hold
// is nowhere: the store is not asked. Sites with more than kAllMax tokens have instead those that
// were asked for or seen more than once, and a filter (Bloom's, a cache line a token) that says of
// most tokens of new mail that they were never seen. Before it is filled it keeps what it is told.
//
// What it promises: once a step of learning is in the model, nobody who asks afterwards is told
// counts from before. Who asks while it happens may be told some from before and some from after.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <span>
#include <vector>

#include "engine/classify/tokens.h"

namespace winnow {

// Slots by the upper bits of their keys; a full line goes on in the next one. A slot that is read
// holds 40 lower bits of its key and both counts where they are small; others stand in a list. The
// keys themselves lie beside the slots, for who writes and for a table that grows.
//
// So a key that is not there is taken for one that is once in some 2^40 questions, and two that
// are there for one another in one of 2^17 full tables: as seldom as two features have one hash.
class CountSlots {
 public:
  static constexpr size_t kLine = 8;                      // slots
  static constexpr size_t kBytes = 8 + sizeof(uint64_t);  // of a slot, and of its key
  static constexpr uint32_t kSmallMax = (1 << 11) - 1;    // the largest count within a slot

  CountSlots() = default;
  explicit CountSlots(size_t slots);  // a power of two, at least kLine
  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }
  void prefetch(uint64_t key) const { __builtin_prefetch(&lines_[line(key)]); }
  // Whether the key is there; else the count is 0.
  bool look(uint64_t key, TokenCount& count) const;
  bool look_here(uint64_t key, TokenCount& count) const;  // the same, for the loops of the cache

  // The slot of a key.
  std::optional<size_t> find(uint64_t key) const;
  // As a table that holds all: half of it at most is used, it grows up to `most` keys. Nothing
  // where these are there. The slot is valid until the next call.
  std::optional<size_t> add(uint64_t key, size_t most);
  // As a cache: takes the place of another one where a line is full.
  void keep(uint64_t key, TokenCount count);
  TokenCount at(size_t slot) const { return unpacked(lines_[slot / kLine].values[slot % kLine]); }
  void set(size_t slot, TokenCount count);
  // Calls use(key, count) for each key that is there.
  template <class Use>
  void each(const Use& use) const {
    for (size_t slot = 0; slot < size_; ++slot)
      if (keys_[slot] != 0) use(keys_[slot], at(slot));
  }

 private:
  // A tag is the lower half of a key, 0: free. A value has nine further bits of the key, whether
  // the count is large, and two counts or the place of a large one.
  struct alignas(64) Line {
    uint32_t tags[kLine];
    uint32_t values[kLine];
  };
  static_assert(sizeof(Line) == 64);
  static constexpr uint32_t kLarge = 1 << 22;
  static uint32_t tag_of(uint64_t key) { return static_cast<uint32_t>(key) | 1; }
  static uint32_t further(uint64_t key) { return static_cast<uint32_t>(key >> 32) & 0x1FF; }

  struct Unmap {
    size_t bytes;
    void operator()(void* room) const;
  };
  template <class T>
  static std::unique_ptr<T[], Unmap> zeroes(size_t n);
  size_t line(uint64_t key) const { return key >> shift_; }
  TokenCount unpacked(uint32_t value) const {
    if (value & kLarge) return large_[value & (kLarge - 1)];
    return {value & kSmallMax, value >> 11 & kSmallMax};
  }
  size_t place(uint64_t key);
  void put(size_t slot, uint64_t key, TokenCount count);

  std::unique_ptr<Line[], Unmap> lines_{nullptr, {0}};
  std::unique_ptr<uint64_t[], Unmap> keys_{nullptr, {0}};  // of the slots; 0: free
  std::vector<TokenCount> large_;
  size_t size_ = 0, used_ = 0;
  unsigned shift_ = 0;
};

class CountCache {
 public:
  static constexpr size_t kAllMax = 1 << 22;           // tokens; up to so many all are here
  static constexpr size_t kSomeSlots = 1 << 20;        // 16 MB, where not all are
  static constexpr size_t kFirstSlots = 1 << 15;       // before they are
  static constexpr size_t kFilterTokensMax = 1 << 24;  // more have no filter; it has 64 MB then
  static constexpr size_t kBytesMax = kAllMax * 2 * CountSlots::kBytes;

  // `kept`: slots of a cache that is not filled.
  explicit CountCache(size_t kept = kFirstSlots) : kept_(kept) {}

  // A token's space: its tokenizer and scope. Learnt messages of a space are a token of their own.
  struct Change {
    uint64_t space = 0, hash = 0;
    int64_t spam = 0, ham = 0;  // how far its counts go up or down
  };
  static Change learnt(uint64_t space, int64_t spam, int64_t ham) { return {~space, 0, spam, ham}; }

  // Fills counts[i] where hashes[i] is known in `state`; appends the others' indices to `missing`.
  void find(uint64_t state, uint64_t space, std::span<const uint64_t> hashes,
            std::span<TokenCount> counts, std::vector<uint32_t>& missing);
  // As find(), and `learns` of the space, where it is known: else that stays as it is.
  void find(uint64_t state, uint64_t space, std::span<const uint64_t> hashes,
            std::span<TokenCount> counts, std::optional<LearnCount>& learns,
            std::vector<uint32_t>& missing);
  // Keeps counts[i] for each i of `which`, unless the model has moved on meanwhile.
  void keep(uint64_t state, uint64_t space, std::span<const uint64_t> hashes,
            std::span<const TokenCount> counts, std::span<const uint32_t> which);
  // Whether it knows anything that advance() would keep.
  bool is_empty() const;
  // The store is about to come to state `to` by what advance() will tell: who asks for that state
  // before it does is sent to the store, and nothing is forgotten. REQUIRED: advance() follows,
  // from where it was to where it was if nothing came of it.
  void announce(uint64_t to);
  // From state `from` to `to` these counts have changed, and no others.
  void advance(uint64_t from, uint64_t to, std::span<const Change> changed);

  // All tokens of a store, gathered beside the cache.
  class Filling {
   public:
    void add(uint64_t space, uint64_t hash, TokenCount count);
    void add_learnt(uint64_t space, TokenCount count) { add(~space, 0, count); }

   private:
    friend CountCache;
    void begin_filter();
    CountSlots slots_{1 << 12};
    std::vector<uint64_t> filter_;
    size_t tokens_ = 0;
  };
  // True once, when the store was asked so often that a filling is worth its making, and the last
  // one is twenty times as long ago as it took; then the caller gathers all tokens of `state`.
  bool wants_filling(uint64_t state);
  // Not taken where the model has moved on. REQUIRED: after a true wants_filling().
  void fill(uint64_t state, Filling&& filling);
  bool is_filled() const;

 private:
  static uint64_t key_of(uint64_t space, uint64_t hash);
  // The state of the cache is that one, or it is emptied. REQUIRED: the mutex, to write.
  void move_to(uint64_t state);
  std::optional<TokenCount> find_key(uint64_t key) const;

  const size_t kept_;
  mutable std::shared_mutex mutex_;
  uint64_t state_ = ~uint64_t{0};
  uint64_t announced_ = ~uint64_t{0};
  CountSlots slots_;
  bool all_ = false;                 // slots_ holds every token
  std::vector<uint64_t> filter_;     // lines of eight words; empty: none
  size_t filter_tokens_ = 0;         // in it
  std::atomic<uint64_t> asked_ = 0;  // tokens that the store was asked for since the last filling
  int64_t filling_since_us_ = 0, filling_next_us_ = 0;
};

}  // namespace winnow
