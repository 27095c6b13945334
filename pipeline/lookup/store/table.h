// What the backends that keep bytes here have in common: an ordered table of bytes, and on it the
// meaning of every operation of a Store. Layout of the table (numbers big-endian, so that order of
// bytes is order of numbers; "key+" is u16 length and the key, for keys that others follow):
//
//   'v' key                -> u64 expires_ms (0: never) | value
//   'c' key                -> counters as LEB128, up to the last that is not 0
//   'p' …                  -> counters of packed families: packed_counters.h
//   'l' key                -> u64 first | u64 end          sequence numbers, first is the newest
//   'i' key+ u64 sequence  -> entry of the list
//   's' key+ member        -> u64 score                    ordered: see score_bytes()
//   'w' key+ u64 score member -> nothing
//   'x' u64 expires_ms key -> nothing                      what expire() walks over
//   'm' name               -> of the store itself: "format"
#pragma once

#include "pipeline/lookup/store/store.h"

namespace winnow {

// Counter rows whose keys begin with that letter, all of them of that length, of which the last
// eight bytes are a number: they are packed, many in one entry, and have two counters.
struct PackedFamily {
  char letter;
  size_t key_bytes;
};
constexpr size_t kPackedNumberBytes = 8;

// Views stay valid until the next change of the table.
class StoreTable {
 public:
  struct Entry {
    std::string_view key, value;
  };
  explicit StoreTable(std::span<const PackedFamily> packed = {}) : packed_(packed) {}
  virtual ~StoreTable() = default;
  std::span<const PackedFamily> packed() const { return packed_; }
  const PackedFamily* packed_family(std::string_view key) const {
    for (const PackedFamily& family : packed_)
      if (!key.empty() && key[0] == family.letter) return &family;
    return nullptr;
  }
  virtual Result<std::optional<std::string_view>> find(std::string_view key) = 0;
  // The first entry whose key is not less than `from`.
  virtual Result<std::optional<Entry>> seek(std::string_view from) = 0;
  virtual Result<void> put(std::string_view key, std::string_view value) = 0;
  virtual Result<void> erase(std::string_view key) = 0;  // none: no error

 private:
  const std::span<const PackedFamily> packed_;  // by letter
};

// Errors: a key or value of no allowed size, no such field, a score that is no number.
Result<void> check_write(const StoreWrite& write);

// A write of many counters as one of each that changes.
std::vector<StoreWrite> single_adds(const StoreWrite& many);

// The operations; an error or `false` means that the caller undoes what was put.
Result<std::vector<std::optional<std::string>>> table_get(StoreTable& table,
                                                          std::span<const std::string_view> keys,
                                                          int64_t now_ms);
Result<std::vector<uint64_t>> table_counts(StoreTable& table,
                                           std::span<const std::string_view> keys, unsigned fields);
Result<std::vector<std::string>> table_list(StoreTable& table, std::string_view key, uint32_t skip,
                                            uint32_t count);
Result<std::vector<SortedMember>> table_window(StoreTable& table, std::string_view key, double min,
                                               double max, uint32_t count);
// Calls `take` for counter rows whose keys start with `prefix` and are greater than `after`, in
// order of bytes, until it says false. The table may not change meanwhile.
Result<void> table_walk(StoreTable& table, std::string_view prefix, std::string_view after,
                        const TakeCounters& take);
// Moves up to `most` rows of packed families from where they stand one by one to their packed
// entries; returns how many there were.
Result<uint64_t> table_pack(StoreTable& table, uint64_t most);
Result<std::vector<CounterRow>> table_scan(StoreTable& table, std::string_view prefix,
                                           std::string_view after, uint32_t count);
Result<std::vector<std::pair<std::string, std::string>>> table_scan_values(StoreTable& table,
                                                                           std::string_view prefix,
                                                                           std::string_view after,
                                                                           uint32_t count,
                                                                           int64_t now_ms);
Result<bool> table_apply(StoreTable& table, const StoreBatch& batch, int64_t now_ms);
Result<uint64_t> table_expire(StoreTable& table, int64_t now_ms, uint64_t max);

}  // namespace winnow
