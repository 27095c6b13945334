#include "pipeline/learn/count_cache.h"

#include <emmintrin.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <mutex>
#include <new>

#include "engine/pages.h"

namespace winnow {

namespace {

constexpr uint64_t kAskedEnough = 50'000;  // as many as some seventy messages have
constexpr int64_t kPauseMinUs = 1'000'000;
constexpr size_t kFilterLine = 8;    // words
constexpr size_t kTokensALine = 32;  // 16 bits a token: one absent token in 500 is looked for

int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// Five bits of a token's line of the filter, by its key's middle bits; the upper ones choose the
// line.
size_t filter_line(std::span<const uint64_t> filter, uint64_t key) {
  return ((key >> 32) & (filter.size() / kFilterLine - 1)) * kFilterLine;
}
void set_filter(std::span<uint64_t> filter, uint64_t key) {
  const size_t line = filter_line(filter, key);
  for (size_t i = 0; i < 5; ++i, key >>= 6)
    filter[line + i + (key & 3)] |= uint64_t{1} << (key & 63);
}
bool in_filter(std::span<const uint64_t> filter, uint64_t key) {
  const size_t line = filter_line(filter, key);
  for (size_t i = 0; i < 5; ++i, key >>= 6)
    if ((filter[line + i + (key & 3)] >> (key & 63) & 1) == 0) return false;
  return true;
}

// A counter of the store after a change: never below 0, nor over its most.
uint32_t changed_by(uint32_t count, int64_t delta) {
  return static_cast<uint32_t>(std::clamp<int64_t>(count + delta, 0, UINT32_MAX));
}

}  // namespace

// --- slots ---

void CountSlots::Unmap::operator()(void* room) const { munmap(room, bytes); }

// Fresh pages are zero: all slots are free, and what is never looked at takes no memory.
template <class T>
std::unique_ptr<T[], CountSlots::Unmap> CountSlots::zeroes(size_t n) {
  const size_t bytes = n * sizeof(T);
  void* const room =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED) throw std::bad_alloc();
  // Else each look into a large table would also miss the table of pages.
  ask_huge_pages(room, bytes);
  return {static_cast<T*>(room), Unmap{bytes}};
}

CountSlots::CountSlots(size_t slots)
    : lines_(zeroes<Line>(slots / kLine)),
      keys_(zeroes<uint64_t>(slots)),
      size_(slots),
      // A table of one line: a shift by all 64 bits is none at all.
      shift_(std::min(63u, 64 - static_cast<unsigned>(std::countr_zero(slots / kLine)))) {}

// Without a branch that depends on what is there: nobody can guess which tokens are. A bit a slot
// where the tag is, and above them one where it is free; a free slot's value is 0, as is the count
// of what is not there.
[[gnu::always_inline]] inline bool CountSlots::look_here(uint64_t key, TokenCount& count) const {
  const __m128i wanted = _mm_set1_epi32(static_cast<int>(tag_of(key))), none = _mm_setzero_si128();
  size_t at = line(key);
  uint32_t bits = 0;
  for (;; at = (at + 1) & (size_ / kLine - 1)) {
    const auto* const tags = reinterpret_cast<const __m128i*>(lines_[at].tags);
    const __m128i first = _mm_load_si128(tags), second = _mm_load_si128(tags + 1);
    bits = static_cast<uint32_t>(_mm_movemask_epi8(_mm_packs_epi16(
        _mm_packs_epi32(_mm_cmpeq_epi32(first, wanted), _mm_cmpeq_epi32(second, wanted)),
        _mm_packs_epi32(_mm_cmpeq_epi32(first, none), _mm_cmpeq_epi32(second, none)))));
    if (bits != 0) [[likely]]
      break;
  }
  const uint32_t there = (bits & 0xFF) != 0;
  const uint32_t value = lines_[at].values[static_cast<unsigned>(std::countr_zero(bits)) % kLine] ^
                         (further(key) << 23 & (0 - there));
  if (value >= kLarge) [[unlikely]] {  // a large count, or another key with its tag
    const std::optional<size_t> slot = find(key);
    count = slot ? this->at(*slot) : TokenCount{};
    return slot.has_value();
  }
  count = {value & kSmallMax, value >> 11};
  return there != 0;
}

bool CountSlots::look(uint64_t key, TokenCount& count) const { return look_here(key, count); }

std::optional<size_t> CountSlots::find(uint64_t key) const {
  for (size_t at = line(key) * kLine;; at = (at + 1) & (size_ - 1)) {
    if (keys_[at] == key) return at;
    if (keys_[at] == 0) return std::nullopt;
  }
}

// REQUIRED: a slot stays free after it.
size_t CountSlots::place(uint64_t key) {
  size_t at = line(key) * kLine;
  while (keys_[at] != key && keys_[at] != 0) at = (at + 1) & (size_ - 1);
  if (keys_[at] == 0) {
    ++used_;
    put(at, key, {});
  }
  return at;
}

void CountSlots::put(size_t slot, uint64_t key, TokenCount count) {
  keys_[slot] = key;
  Line& line = lines_[slot / kLine];
  line.tags[slot % kLine] = tag_of(key);
  uint32_t& value = line.values[slot % kLine];
  value = further(key) << 23 | (value & ((1 << 23) - 1));
  set(slot, count);
}

// Where a large one was a large one stays: the list has no more than there are slots.
void CountSlots::set(size_t slot, TokenCount count) {
  uint32_t& value = lines_[slot / kLine].values[slot % kLine];
  if (value & kLarge) {
    large_[value & (kLarge - 1)] = count;
    return;
  }
  uint32_t packed = count.ham << 11 | count.spam;
  if (std::max(count.spam, count.ham) > kSmallMax) {
    packed = kLarge | static_cast<uint32_t>(large_.size());
    large_.push_back(count);
  }
  value = (value & ~((1u << 23) - 1)) | packed;
}

std::optional<size_t> CountSlots::add(uint64_t key, size_t most) {
  if (2 * (used_ + 1) > size_) {
    if (const std::optional<size_t> there = find(key)) return there;
    if (used_ >= most) return std::nullopt;
    CountSlots larger(2 * size_);
    each([&](uint64_t one, TokenCount count) { larger.set(larger.place(one), count); });
    *this = std::move(larger);
  }
  return place(key);
}

// One slot of each line stays free: it ends every search.
void CountSlots::keep(uint64_t key, TokenCount count) {
  const size_t first = line(key) * kLine;
  size_t slot = first + key % (kLine - 1);
  for (size_t one = first; one < first + kLine - 1; ++one) {
    if (keys_[one] != key && keys_[one] != 0) continue;
    slot = one;
    break;
  }
  put(slot, key, count);
}

// --- cache ---

// Spaces share the slots. Never 0.
[[gnu::always_inline]] inline uint64_t CountCache::key_of(uint64_t space, uint64_t hash) {
  uint64_t key = hash ^ space * 0x9E3779B97F4A7C15u;
  key ^= key >> 32;
  key *= 0xd6e8feb86659fd93u;
  return key == 0 ? 1 : key;
}

void CountCache::move_to(uint64_t state) {
  if (state == state_) return;
  state_ = state;
  slots_ = {};
  all_ = false;
  filter_.clear();
  filter_tokens_ = 0;
}

std::optional<TokenCount> CountCache::find_key(uint64_t key) const {
  TokenCount count;
  if (!slots_.empty() && slots_.look(key, count)) return count;
  if (all_ || (!filter_.empty() && !in_filter(filter_, key))) return TokenCount{};
  return std::nullopt;
}

void CountCache::find(uint64_t state, uint64_t space, std::span<const uint64_t> hashes,
                      std::span<TokenCount> counts, std::vector<uint32_t>& missing) {
  std::optional<LearnCount> learns;
  find(state, space, hashes, counts, learns, missing);
}

void CountCache::find(uint64_t state, uint64_t space, std::span<const uint64_t> hashes,
                      std::span<TokenCount> counts, std::optional<LearnCount>& learns,
                      std::vector<uint32_t>& missing) {
  constexpr size_t kAhead = 32;
  std::shared_lock lock(mutex_);
  if (state != state_ && state != announced_) {
    lock.unlock();
    {
      const std::lock_guard alone(mutex_);
      move_to(state);
    }
    lock.lock();
  }
  if (state != state_ || slots_.empty()) {
    for (uint32_t i = 0; i < hashes.size(); ++i) missing.push_back(i);
    asked_ += hashes.size();
    return;
  }
  // Some lines are on their way into the cache while those before are read.
  std::array<uint64_t, kAhead> ahead;
  const auto fetch = [&](size_t i) {
    const uint64_t key = ahead[i % kAhead] = key_of(space, hashes[i]);
    slots_.prefetch(key);
    if (!filter_.empty()) __builtin_prefetch(&filter_[filter_line(filter_, key)]);
  };
  const size_t n = hashes.size();
  for (size_t i = 0; i < std::min(kAhead, n); ++i) fetch(i);
  const auto each = [&](const auto& look) {
    for (size_t i = 0; i < n; ++i) {
      const uint64_t key = ahead[i % kAhead];
      if (i + kAhead < n) fetch(i + kAhead);
      look(i, key);
    }
  };
  if (all_)
    each([&](size_t i, uint64_t key) { slots_.look_here(key, counts[i]); });
  else
    each([&](size_t i, uint64_t key) {
      if (const std::optional<TokenCount> found = find_key(key))
        counts[i] = *found;
      else
        missing.push_back(static_cast<uint32_t>(i));
    });
  const Change own = learnt(space, 0, 0);
  if (all_)
    if (const std::optional<TokenCount> found = find_key(key_of(own.space, own.hash)))
      learns = LearnCount{found->spam, found->ham};
  if (!all_ && filter_.empty()) asked_ += missing.size();
}

void CountCache::keep(uint64_t state, uint64_t space, std::span<const uint64_t> hashes,
                      std::span<const TokenCount> counts, std::span<const uint32_t> which) {
  if (which.empty()) return;
  const std::lock_guard lock(mutex_);
  if (state != state_ || all_) return;
  if (slots_.empty()) slots_ = CountSlots(kept_);
  for (const uint32_t i : which) slots_.keep(key_of(space, hashes[i]), counts[i]);
}

bool CountCache::is_empty() const {
  const std::shared_lock lock(mutex_);
  return slots_.empty();
}

void CountCache::announce(uint64_t to) {
  const std::lock_guard lock(mutex_);
  announced_ = to;
}

void CountCache::advance(uint64_t from, uint64_t to, std::span<const Change> changed) {
  const std::lock_guard lock(mutex_);
  announced_ = ~uint64_t{0};
  if (state_ != from) return;
  if (filter_tokens_ + changed.size() > filter_.size() / kFilterLine * kTokensALine)
    filter_.clear();
  state_ = to;
  for (const Change& one : changed) {
    const uint64_t key = key_of(one.space, one.hash);
    std::optional<size_t> slot;
    if (all_) {
      slot = slots_.add(key, kAllMax);
      if (!slot) {  // too many for all: the next filling has a filter
        state_ = from;
        return move_to(to);
      }
    } else if (!slots_.empty()) {
      slot = slots_.find(key);
    }
    if (slot) {
      const TokenCount count = slots_.at(*slot);
      slots_.set(*slot, {changed_by(count.spam, one.spam), changed_by(count.ham, one.ham)});
    }
    if (filter_.empty()) continue;
    set_filter(filter_, key);
    ++filter_tokens_;
  }
}

void CountCache::Filling::add(uint64_t space, uint64_t hash, TokenCount count) {
  const uint64_t key = key_of(space, hash);
  ++tokens_;
  if (filter_.empty()) {
    if (const std::optional<size_t> slot = slots_.add(key, kAllMax)) {
      slots_.set(*slot, count);
      return;
    }
    begin_filter();
  }
  set_filter(filter_, key);
  if (uint64_t{count.spam} + count.ham >= 2) slots_.keep(key, count);
}

// There are too many: those that were seen more than once stay, and all are in the filter.
void CountCache::Filling::begin_filter() {
  filter_.assign(kFilterTokensMax / kTokensALine * kFilterLine * 2, 0);
  CountSlots some(kSomeSlots);
  slots_.each([&](uint64_t key, TokenCount count) {
    set_filter(filter_, key);
    if (uint64_t{count.spam} + count.ham >= 2) some.keep(key, count);
  });
  slots_ = std::move(some);
}

bool CountCache::wants_filling(uint64_t state) {
  if (asked_.load(std::memory_order_relaxed) < kAskedEnough) return false;
  const std::lock_guard lock(mutex_);
  if (state != state_ || all_ || !filter_.empty() || asked_ < kAskedEnough) return false;
  const int64_t now = now_us();
  if (now < filling_next_us_) return false;
  filling_since_us_ = now;
  filling_next_us_ = now + kPauseMinUs;
  asked_ = 0;
  return true;
}

void CountCache::fill(uint64_t state, Filling&& filling) {
  const std::lock_guard lock(mutex_);
  const int64_t now = now_us();
  filling_next_us_ = now + std::max(kPauseMinUs, 20 * (now - filling_since_us_));
  if (state != state_ || filling.tokens_ > kFilterTokensMax) return;
  slots_ = std::move(filling.slots_);
  filter_ = std::move(filling.filter_);
  filter_tokens_ = filter_.empty() ? 0 : filling.tokens_;
  all_ = filter_.empty();
}

bool CountCache::is_filled() const {
  const std::shared_lock lock(mutex_);
  return all_ || !filter_.empty();
}

}  // namespace winnow
