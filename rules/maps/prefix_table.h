// IP networks to small numbers; the longest network that holds an address wins.
//
// Layout. Networks either are nested or have no address in common. So they are sorted by (first
// address, length), columns side by side, and each knows the one that directly encloses it. The
// last network that begins at or before an address, or one of those around it, is the answer: one
// binary search, then at most as many steps as networks are nested. IPv4 takes 13 bytes a
// network, IPv6 25.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/batch.h"

namespace winnow {

class PrefixTable {
 public:
  // The network of `bits` bits (0-32 for IPv4, 0-128 for IPv6) around `net`. REQUIRED: before
  // finish().
  void add(const IpAddress& net, unsigned bits, uint32_t value);
  // Sorts; of equal networks the one that was added last stays.
  void finish();

  // The value of the longest network around `ip`, or kNoIndex. REQUIRED: finish() was called.
  uint32_t find(const IpAddress& ip) const;
  size_t size() const { return v4_.first.size() + v6_.first.size(); }
  size_t bytes() const;

 private:
  struct Address6 {
    uint64_t high = 0, low = 0;
    bool operator<(const Address6& other) const {
      return high != other.high ? high < other.high : low < other.low;
    }
    bool operator==(const Address6& other) const = default;
  };
  template <class A>
  struct Columns {
    std::vector<A> first;
    std::vector<uint8_t> bits;
    std::vector<uint32_t> around;  // index of the enclosing network; kNoIndex = none
    std::vector<uint32_t> value;
  };
  struct Added {
    Address6 first;
    uint8_t bits;
    uint32_t value;
  };

  template <class A>
  static uint32_t find(const Columns<A>& columns, const A& address);
  template <class A, class Narrow>
  static void fill(std::vector<Added>& added, Columns<A>& to, Narrow narrow);
  static bool holds(uint32_t first, unsigned bits, uint32_t address);
  static bool holds(const Address6& first, unsigned bits, const Address6& address);

  Columns<uint32_t> v4_;
  Columns<Address6> v6_;
  std::vector<Added> added4_, added6_;  // until finish()
};

}  // namespace winnow
