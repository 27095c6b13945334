// Which URLs (or addresses) of a message were seen: an open-addressing table from hash to index
// in the row. Kept between rows; a new row only takes a new stamp.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/ids.h"

namespace winnow {

class UrlTable {
 public:
  void start_row() {
    size_ = 0;
    if (++stamp_ == 0) slots_.assign(slots_.size(), Slot{}), stamp_ = 1;
  }

  // Index of the entry of `hash` for which same(index) holds; kNoIndex if there is none.
  template <class Same>
  uint32_t find(uint64_t hash, Same same) const {
    if (slots_.empty()) return kNoIndex;
    const size_t mask = slots_.size() - 1;
    for (size_t at = place(hash) & mask;; at = (at + 1) & mask) {
      const Slot& slot = slots_[at];
      if (slot.stamp != stamp_) return kNoIndex;
      if (slot.hash == hash && same(slot.index)) return slot.index;
    }
  }

  // REQUIRED: no entry of this hash is the same thing.
  void add(uint64_t hash, uint32_t index) {
    if (2 * (size_ + 1) > slots_.size()) grow();
    put({hash, index, stamp_});
    ++size_;
  }

 private:
  struct Slot {
    uint64_t hash = 0;
    uint32_t index = 0;
    uint32_t stamp = 0;  // slots of other rows count as empty
  };
  static size_t place(uint64_t hash) { return hash ^ hash >> 29; }

  void put(Slot entry) {
    const size_t mask = slots_.size() - 1;
    size_t at = place(entry.hash) & mask;
    while (slots_[at].stamp == stamp_) at = (at + 1) & mask;
    slots_[at] = entry;
  }
  void grow() {
    std::vector<Slot> old(slots_.empty() ? 256 : slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.stamp == stamp_) put(slot);
    }
  }

  std::vector<Slot> slots_;
  size_t size_ = 0;
  uint32_t stamp_ = 0;
};

}  // namespace winnow
