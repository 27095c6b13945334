// Keys to small numbers, for millions of keys.
//
// Layout. One blob holds every entry: the value's number (4 bytes), the key's length (1 byte, or
// 255 and 4 bytes), the key. A table of 32-bit offsets (power of two long, at most 3/4 full, 0 =
// free) finds it by hash with linear probing. So an entry costs 5 bytes and its share of the
// table (5.4 to 10.7 bytes) over the key itself, and there is nothing to free one by one.
//
// Invariants. A key is there once. With `fold`, keys are kept in ASCII lower case and looked up
// in any case, as Rspamd's maps do; lookups do not allocate.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace winnow {

class HashTable {
 public:
  explicit HashTable(bool fold = true) : fold_(fold) {}

  // Room for that many entries whose keys have that many bytes; a hint.
  void reserve(size_t entries, size_t key_bytes);
  // False where the key was there: its value is replaced. REQUIRED: !is_full().
  bool put(std::string_view key, uint32_t value);
  // No more entries fit (the blob has 32-bit offsets).
  bool is_full() const { return blob_.size() > kBlobBytesMax; }
  // The key's value, or kNoIndex.
  uint32_t find(std::string_view key) const;
  // Gives back what reserve() took too much.
  void shrink();

  size_t size() const { return size_; }
  size_t bytes() const { return slots_.capacity() * sizeof(uint32_t) + blob_.capacity(); }
  size_t key_bytes() const { return key_bytes_; }

 private:
  static constexpr size_t kBlobBytesMax = 0xF000'0000;  // one more entry of 64 MiB still fits

  uint64_t hash(std::string_view key) const;
  bool equal(std::string_view stored, std::string_view key) const;
  std::string_view key_at(size_t offset) const;
  // The slot that holds the key, or the free one where it belongs.
  size_t slot_of(std::string_view key) const;
  void rehash(size_t slots);

  bool fold_;
  size_t size_ = 0;
  size_t key_bytes_ = 0;
  std::vector<uint32_t> slots_;  // 1 + offset into blob_
  std::string blob_;
};

}  // namespace winnow
