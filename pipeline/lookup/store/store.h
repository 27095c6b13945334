// What outlives a message: counters, values that expire, lists, sorted sets. One interface of batch
// operations; who keeps the bytes is behind it (memory_store.h, lmdb_store.h).
//
// A key is up to kStoreKeyMax bytes of any kind and names one thing of each kind (a value, a
// counter row, a list, a sorted set): "k" as a list and "k" as a value do not meet.
//
// Writes come as a StoreBatch that is carried out whole or not at all. A guard in it
// (expect_value, expect_absent) that does not hold leaves everything as it was; so what must happen
// once carries its own mark. When apply() has returned true, the batch survives the death of the
// process and, where the backend is on disk, of the machine.
//
// Times are Unix time in milliseconds and always handed in: a store has no clock.
// All of it is thread-safe.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/result.h"

namespace winnow {

constexpr size_t kStoreKeyMax = 400;             // bytes of a key
constexpr size_t kStoreMemberMax = 80;           // bytes of a member of a sorted set
constexpr size_t kStoreValueMax = 1 << 24;       // bytes of a value or of an entry of a list
constexpr unsigned kStoreFieldsMax = 8;          // counters of one row
constexpr uint64_t kStoreCountMax = UINT32_MAX;  // a counter stays there

// By how much both counters of the row whose key ends in this number (eight bytes, big-endian) go
// up or down.
struct CounterDelta {
  uint64_t number = 0;
  std::array<int64_t, 2> by{};
};

enum class StoreWriteKind : uint8_t {
  kAdd,
  kAddMany,
  kSet,
  kErase,
  kExpectValue,
  kExpectAbsent,
  kPush,
  kSortedAdd,
  kSortedErase,
  kSortedTrim
};
struct StoreWrite {
  StoreWriteKind kind;
  uint8_t field = 0;
  uint32_t keep = 0;
  int64_t number = 0;  // what is added; when it expires, 0: never
  double score = 0;
  std::string key = {}, value = {};
};

// What a write of kAddMany holds.
inline std::vector<CounterDelta> deltas_of(const StoreWrite& write) {
  std::vector<CounterDelta> out(write.value.size() / sizeof(CounterDelta));
  if (!out.empty()) std::memcpy(out.data(), write.value.data(), out.size() * sizeof out[0]);
  return out;
}

class StoreBatch {
 public:
  using Kind = StoreWriteKind;
  using Write = StoreWrite;

  // Counter `field` of a row goes up by `delta`, which may be negative; never below 0 or over
  // kStoreCountMax. A row whose counters are all 0 is gone.
  void add(std::string_view key, uint8_t field, int64_t delta) {
    writes.push_back(
        {.kind = Kind::kAdd, .field = field, .number = delta, .key = std::string(key)});
  }
  // The same for many rows whose keys begin with `head`. REQUIRED: numbers ascend, each once.
  void add_many(std::string_view head, std::span<const CounterDelta> deltas) {
    constexpr size_t kMost = kStoreValueMax / sizeof(CounterDelta);
    for (; !deltas.empty(); deltas = deltas.subspan(std::min(kMost, deltas.size()))) {
      const std::span<const CounterDelta> some = deltas.first(std::min(kMost, deltas.size()));
      writes.push_back(
          {.kind = Kind::kAddMany,
           .key = std::string(head),
           .value = std::string(reinterpret_cast<const char*>(some.data()), some.size_bytes())});
    }
  }
  void set(std::string_view key, std::string_view value, int64_t expires_ms = 0) {
    writes.push_back({.kind = Kind::kSet,
                      .number = expires_ms,
                      .key = std::string(key),
                      .value = std::string(value)});
  }
  // Value, counters, list and sorted set of that name.
  void erase(std::string_view key) {
    writes.push_back({.kind = Kind::kErase, .key = std::string(key)});
  }
  void expect_value(std::string_view key, std::string_view value) {
    writes.push_back(
        {.kind = Kind::kExpectValue, .key = std::string(key), .value = std::string(value)});
  }
  void expect_absent(std::string_view key) {
    writes.push_back({.kind = Kind::kExpectAbsent, .key = std::string(key)});
  }
  // To the front of a list, of which the newest `keep` stay.
  void push(std::string_view key, std::string_view value, uint32_t keep) {
    writes.push_back(
        {.kind = Kind::kPush, .keep = keep, .key = std::string(key), .value = std::string(value)});
  }
  // A member has one score, the last given.
  void sorted_add(std::string_view key, std::string_view member, double score) {
    writes.push_back({.kind = Kind::kSortedAdd,
                      .score = score,
                      .key = std::string(key),
                      .value = std::string(member)});
  }
  void sorted_erase(std::string_view key, std::string_view member) {
    writes.push_back(
        {.kind = Kind::kSortedErase, .key = std::string(key), .value = std::string(member)});
  }
  // Takes out every member with a score below `score`.
  void sorted_trim(std::string_view key, double score) {
    writes.push_back({.kind = Kind::kSortedTrim, .score = score, .key = std::string(key)});
  }
  bool empty() const { return writes.empty(); }
  void clear() { writes.clear(); }

  std::vector<Write> writes;  // carried out in this order
};

struct SortedMember {
  std::string member;
  double score;
  bool operator==(const SortedMember&) const = default;
};

struct CounterRow {
  std::string key;
  std::vector<uint64_t> counts;  // up to the last that is not 0
  bool operator==(const CounterRow&) const = default;
};

// A counter row; both are there during the call alone. False: enough.
using TakeCounters = std::function<bool(std::string_view key, std::span<const uint64_t> counts)>;

struct StoreSize {
  uint64_t used_bytes = 0;
  uint64_t limit_bytes = 0;
};

class Store {
 public:
  virtual ~Store() = default;

  // values[i] belongs to keys[i]; one that expired is absent.
  virtual Result<std::vector<std::optional<std::string>>> get(
      std::span<const std::string_view> keys, int64_t now_ms) const = 0;
  // counts[i * fields + f] is counter f of keys[i].
  virtual Result<std::vector<uint64_t>> counts(std::span<const std::string_view> keys,
                                               unsigned fields) const = 0;
  // Newest first.
  virtual Result<std::vector<std::string>> list(std::string_view key, uint32_t skip,
                                                uint32_t count) const = 0;
  // Members with min <= score <= max, lowest first, at most `count`.
  virtual Result<std::vector<SortedMember>> window(std::string_view key, double min, double max,
                                                   uint32_t count) const = 0;
  // Counter rows whose keys start with `prefix` and are greater than `after`, in order of bytes.
  virtual Result<std::vector<CounterRow>> scan(std::string_view prefix, std::string_view after,
                                               uint32_t count) const = 0;
  // The same rows, all of one moment where the backend has moments, without gathering them.
  virtual Result<void> walk(std::string_view prefix, const TakeCounters& take) const {
    constexpr uint32_t kStep = 4'096;
    for (std::string after;;) {
      const Result<std::vector<CounterRow>> rows = scan(prefix, after, kStep);
      if (!rows) return tl::unexpected<Error>(rows.error());
      for (const CounterRow& row : *rows)
        if (!take(row.key, row.counts)) return {};
      if (rows->size() < kStep) return {};
      after = rows->back().key;
    }
  }
  // The same of values; expired ones are left out.
  virtual Result<std::vector<std::pair<std::string, std::string>>> scan_values(
      std::string_view prefix, std::string_view after, uint32_t count, int64_t now_ms) const = 0;

  // False: a guard did not hold and nothing was done. Errors: a limit of sizes, a full store, what
  // the disk says; then nothing was done either.
  virtual Result<bool> apply(const StoreBatch& batch, int64_t now_ms) = 0;
  // Removes up to `max` values that expired; returns how many.
  virtual Result<uint64_t> expire(int64_t now_ms, uint64_t max) = 0;
  virtual Result<StoreSize> size() const = 0;
  // Another number after every change, by whichever process. Cheap.
  virtual uint64_t version() const = 0;
};

}  // namespace winnow
