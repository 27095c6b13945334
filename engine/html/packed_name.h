// A fixed set of ASCII names looked up without regard to case. The first eight bytes, folded to
// lower case, make one word; a multiplicative hash of it indexes an open-addressing table that is
// filled at compile time. Only names longer than eight bytes compare more than that word.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace winnow {

constexpr uint64_t kFoldBits = 0x2020202020202020;

// The first eight bytes of `name` with 0x20 set in each, zero beyond its end. Bytes under 0x20
// thus read as if 0x20 were set: they stand in no name of a table.
constexpr uint64_t pack_name(std::string_view name) {
  const size_t n = name.size() < 8 ? name.size() : 8;
  uint64_t word = 0;
  if (std::is_constant_evaluated()) {
    for (size_t i = 0; i < n; ++i) word |= uint64_t{static_cast<uint8_t>(name[i])} << (8 * i);
  } else if (name.size() >= 8) {
    std::memcpy(&word, name.data(), 8);
  } else {
    for (size_t i = 0; i < n; ++i) word |= uint64_t{static_cast<uint8_t>(name[i])} << (8 * i);
  }
  if (n == 0) return 0;
  return word | (kFoldBits >> (64 - 8 * n));
}

// The same where the bytes up to `readable` may be loaded: one load instead of a loop.
inline uint64_t pack_name(std::string_view name, const char* readable) {
  if (readable - name.data() < 8 || name.empty()) return pack_name(name);
  uint64_t word;
  std::memcpy(&word, name.data(), 8);
  if (name.size() < 8) word &= ~uint64_t{0} >> (64 - 8 * name.size());
  return word | (name.size() < 8 ? kFoldBits >> (64 - 8 * name.size()) : kFoldBits);
}

constexpr bool same_folded(std::string_view a, std::string_view lower) {
  if (a.size() != lower.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    const char c = a[i] >= 'A' && a[i] <= 'Z' ? static_cast<char>(a[i] | 0x20) : a[i];
    if (c != lower[i]) return false;
  }
  return true;
}

template <size_t kSlots>
class PackedNameTable {
  static_assert((kSlots & (kSlots - 1)) == 0);

 public:
  // Id of a name = its index in `names`. REQUIRED: fewer than kSlots / 2 names, lower case.
  constexpr explicit PackedNameTable(std::span<const std::string_view> names) {
    for (size_t i = 0; i < names.size(); ++i) {
      const uint64_t key = pack_name(names[i]);
      size_t slot = slot_of(key);
      while (keys_[slot] != 0) slot = (slot + 1) & (kSlots - 1);
      keys_[slot] = key;
      ids_[slot] = static_cast<uint8_t>(i);
    }
  }

  // Index of `name`, or -1.
  int find(std::span<const std::string_view> names, std::string_view name) const {
    return find(names, name, pack_name(name));
  }
  // The same with bytes up to `readable` known to be readable.
  int find(std::span<const std::string_view> names, std::string_view name,
           const char* readable) const {
    return find(names, name, pack_name(name, readable));
  }

 private:
  int find(std::span<const std::string_view> names, std::string_view name, uint64_t key) const {
    for (size_t slot = slot_of(key); keys_[slot] != 0; slot = (slot + 1) & (kSlots - 1)) {
      if (keys_[slot] != key) continue;
      const std::string_view found = names[ids_[slot]];
      if (found.size() == name.size() &&
          (name.size() <= 8 || same_folded(name.substr(8), found.substr(8)))) {
        return ids_[slot];
      }
    }
    return -1;
  }

  static constexpr size_t slot_of(uint64_t key) {
    return static_cast<size_t>((key * 0x9E3779B97F4A7C15u) >> 40) & (kSlots - 1);
  }
  std::array<uint64_t, kSlots> keys_{};
  std::array<uint8_t, kSlots> ids_{};
};

}  // namespace winnow
