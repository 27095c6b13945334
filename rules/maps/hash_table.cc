#include "rules/maps/hash_table.h"

#include <algorithm>
#include <cstring>

#include "engine/ids.h"
#include "rules/checks/text.h"

namespace winnow {

namespace {

constexpr uint64_t kEach = 0x0101'0101'0101'0101;
constexpr uint8_t kLongKey = 255;

// ASCII capitals of eight bytes become small letters.
uint64_t lower8(uint64_t w) {
  const uint64_t low7 = w & (kEach * 0x7f);
  const uint64_t over_z = low7 + kEach * (0x7f - 'Z');
  const uint64_t from_a = low7 + kEach * (0x80 - 'A');
  const uint64_t capital = ~w & (kEach * 0x80) & (from_a ^ over_z);
  return w | capital >> 2;
}

uint64_t load8(const char* at) {
  uint64_t w;
  std::memcpy(&w, at, 8);
  return w;
}

uint64_t load_tail(const char* at, size_t n) {
  uint64_t w = 0;
  std::memcpy(&w, at, n);
  return w;
}

uint64_t mix(uint64_t h, uint64_t w) {
  h = (h ^ w) * 0x9E37'79B9'7F4A'7C15;
  return h ^ h >> 32;
}

}  // namespace

uint64_t HashTable::hash(std::string_view key) const {
  uint64_t h = key.size() * 0xD6E8'FEB8'6659'FD93 + 1;
  const auto add = [&](uint64_t w) { h = mix(h, fold_ ? lower8(w) : w); };
  size_t at = 0;
  for (; at + 8 <= key.size(); at += 8) add(load8(key.data() + at));
  if (at < key.size()) add(load_tail(key.data() + at, key.size() - at));
  return mix(h, h >> 29);
}

bool HashTable::equal(std::string_view stored, std::string_view key) const {
  if (stored.size() != key.size()) return false;
  if (!fold_) return stored == key;
  size_t at = 0;
  for (; at + 8 <= key.size(); at += 8)
    if (load8(stored.data() + at) != lower8(load8(key.data() + at))) return false;
  const size_t rest = key.size() - at;
  return rest == 0 ||
         load_tail(stored.data() + at, rest) == lower8(load_tail(key.data() + at, rest));
}

std::string_view HashTable::key_at(size_t offset) const {
  const char* at = blob_.data() + offset + 4;
  uint32_t length = static_cast<uint8_t>(*at++);
  if (length == kLongKey) {
    std::memcpy(&length, at, 4);
    at += 4;
  }
  return {at, length};
}

size_t HashTable::slot_of(std::string_view key) const {
  const size_t mask = slots_.size() - 1;
  size_t slot = static_cast<size_t>(hash(key)) & mask;
  while (slots_[slot] != 0 && !equal(key_at(slots_[slot] - 1), key)) slot = (slot + 1) & mask;
  return slot;
}

void HashTable::rehash(size_t slots) {
  std::vector<uint32_t> old(slots, 0);
  old.swap(slots_);
  const size_t mask = slots - 1;
  for (const uint32_t one : old) {
    if (one == 0) continue;
    size_t slot = static_cast<size_t>(hash(key_at(one - 1))) & mask;
    while (slots_[slot] != 0) slot = (slot + 1) & mask;
    slots_[slot] = one;
  }
}

void HashTable::reserve(size_t entries, size_t key_bytes) {
  size_t slots = 16;
  while (slots * 3 < entries * 4) slots *= 2;
  if (slots > slots_.size()) rehash(slots);
  blob_.reserve(std::min(kBlobBytesMax, key_bytes + entries * 5));
}

bool HashTable::put(std::string_view key, uint32_t value) {
  if ((size_ + 1) * 4 > slots_.size() * 3) rehash(std::max<size_t>(16, slots_.size() * 2));
  const size_t slot = slot_of(key);
  if (slots_[slot] != 0) {
    std::memcpy(blob_.data() + slots_[slot] - 1, &value, 4);
    return false;
  }
  slots_[slot] = static_cast<uint32_t>(blob_.size()) + 1;
  blob_.append(reinterpret_cast<const char*>(&value), 4);
  const auto length = static_cast<uint32_t>(key.size());
  blob_.push_back(static_cast<char>(std::min<uint32_t>(length, kLongKey)));
  if (length >= kLongKey) blob_.append(reinterpret_cast<const char*>(&length), 4);
  const size_t at = blob_.size();
  blob_.append(key);
  if (fold_)
    for (size_t i = at; i < blob_.size(); ++i) blob_[i] = lower_ascii(blob_[i]);
  ++size_;
  key_bytes_ += key.size();
  return true;
}

uint32_t HashTable::find(std::string_view key) const {
  if (size_ == 0) return kNoIndex;
  const uint32_t at = slots_[slot_of(key)];
  if (at == 0) return kNoIndex;
  uint32_t value;
  std::memcpy(&value, blob_.data() + at - 1, 4);
  return value;
}

void HashTable::shrink() { blob_.shrink_to_fit(); }

}  // namespace winnow
