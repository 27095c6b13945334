// Counter rows of which there are millions: those of a family of keys that all begin with one
// letter and have one length, and differ in their last eight bytes (the number of the row). Many
// rows share an entry of the table, so that a row takes some eight bytes and not thirty, and
// neighbours are read and written together:
//
//   'p' head bound  ->  { LEB128 of the number less the one before (the first: less 0) | counts }
//   ...
//
// head is the key without its number; bound, eight bytes big-endian, the highest number that the
// entry is for: it is for those above the bound of the entry before. The last bound of a head is
// ff...ff. counts is a byte with two halves where both counters are below 15 (spam above, ham
// below), else ff and both as LEB128. A row whose counters are all 0 is not there; nor an entry
// without rows, whose numbers then belong to the next.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/lookup/store/table.h"

namespace winnow {

constexpr unsigned kPackedFields = 2;    // counters of such a row
constexpr size_t kPackedBytesMax = 512;  // of an entry; more are split

struct PackedRow {
  uint64_t number = 0;
  std::array<uint32_t, kPackedFields> counts{};
  bool operator==(const PackedRow&) const = default;
};

void append_packed(std::span<const PackedRow> rows, std::string& out);
// False where `bytes` are not rows in ascending order.
bool read_packed(std::string_view bytes, std::vector<PackedRow>& out);

// Reads rows; those of ascending keys without looking for each anew. Valid until the next change of
// the table.
class PackedReader {
 public:
  explicit PackedReader(StoreTable& table) : table_(table) {}
  // REQUIRED: the key is of a family.
  Result<PackedRow> read(std::string_view key);

 private:
  StoreTable& table_;
  std::string head_;
  uint64_t from_ = 1, bound_ = 0;  // numbers that rows_ are all of
  std::vector<PackedRow> rows_;
};

// Adds to rows of one head, entry by entry. REQUIRED: numbers ascend, each once.
Result<void> add_packed(StoreTable& table, std::string_view head,
                        std::span<const CounterDelta> deltas);
// Head and number of a key of a family.
std::string_view packed_head(std::string_view key);
uint64_t packed_number(std::string_view key);

// The rows of an entry; `key` and `value` as the table has them. False: they are none.
struct PackedEntry {
  std::string_view head;
  std::vector<PackedRow> rows;
};
bool read_packed_entry(std::string_view key, std::string_view value, PackedEntry& out);

}  // namespace winnow
