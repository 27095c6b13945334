#include "rules/maps/prefix_table.h"

#include <algorithm>

#include "engine/ids.h"

namespace winnow {

namespace {

uint64_t big_endian(const uint8_t* at, size_t n) {
  uint64_t value = 0;
  for (size_t i = 0; i < n; ++i) value = value << 8 | at[i];
  return value;
}

// The upper `bits` bits of 64.
uint64_t mask64(unsigned bits) {
  return bits == 0 ? 0 : bits >= 64 ? ~uint64_t{0} : ~uint64_t{0} << (64 - bits);
}

}  // namespace

void PrefixTable::add(const IpAddress& net, unsigned bits, uint32_t value) {
  if (net.family == 4) {
    const uint64_t address = big_endian(net.bytes + 12, 4);
    const uint64_t first = address & (mask64(bits) >> 32);
    added4_.push_back({{0, first}, static_cast<uint8_t>(bits), value});
    return;
  }
  const Address6 first{big_endian(net.bytes, 8) & mask64(bits),
                       big_endian(net.bytes + 8, 8) & mask64(bits > 64 ? bits - 64 : 0)};
  added6_.push_back({first, static_cast<uint8_t>(bits), value});
}

bool PrefixTable::holds(uint32_t first, unsigned bits, uint32_t address) {
  return (address & static_cast<uint32_t>(mask64(bits) >> 32)) == first;
}

bool PrefixTable::holds(const Address6& first, unsigned bits, const Address6& address) {
  return (address.high & mask64(bits)) == first.high &&
         (address.low & mask64(bits > 64 ? bits - 64 : 0)) == first.low;
}

template <class A, class Narrow>
void PrefixTable::fill(std::vector<Added>& added, Columns<A>& to, Narrow narrow) {
  std::ranges::stable_sort(added, [](const Added& a, const Added& b) {
    return a.first == b.first ? a.bits < b.bits : a.first < b.first;
  });
  size_t kept = 0;
  for (size_t i = 0; i < added.size(); ++i) {
    const bool again = kept > 0 && added[kept - 1].first == added[i].first &&
                       added[kept - 1].bits == added[i].bits;
    added[again ? kept - 1 : kept++] = added[i];
  }
  added.resize(kept);
  to.first.reserve(kept);
  to.bits.reserve(kept);
  to.around.reserve(kept);
  to.value.reserve(kept);
  for (const Added& one : added) {
    const A first = narrow(one.first);
    uint32_t around = to.first.empty() ? kNoIndex : static_cast<uint32_t>(to.first.size() - 1);
    while (around != kNoIndex && !holds(to.first[around], to.bits[around], first))
      around = to.around[around];
    to.first.push_back(first);
    to.bits.push_back(one.bits);
    to.around.push_back(around);
    to.value.push_back(one.value);
  }
  std::vector<Added>().swap(added);
}

void PrefixTable::finish() {
  fill(added4_, v4_, [](const Address6& a) { return static_cast<uint32_t>(a.low); });
  fill(added6_, v6_, [](const Address6& a) { return a; });
}

template <class A>
uint32_t PrefixTable::find(const Columns<A>& columns, const A& address) {
  const auto next = std::upper_bound(columns.first.begin(), columns.first.end(), address);
  if (next == columns.first.begin()) return kNoIndex;
  auto at = static_cast<uint32_t>(next - columns.first.begin() - 1);
  while (at != kNoIndex && !holds(columns.first[at], columns.bits[at], address))
    at = columns.around[at];
  return at == kNoIndex ? kNoIndex : columns.value[at];
}

uint32_t PrefixTable::find(const IpAddress& ip) const {
  if (ip.family == 4) return find(v4_, static_cast<uint32_t>(big_endian(ip.bytes + 12, 4)));
  if (ip.family != 6) return kNoIndex;
  return find(v6_, Address6{big_endian(ip.bytes, 8), big_endian(ip.bytes + 8, 8)});
}

size_t PrefixTable::bytes() const { return v4_.first.capacity() * 13 + v6_.first.capacity() * 25; }

}  // namespace winnow
