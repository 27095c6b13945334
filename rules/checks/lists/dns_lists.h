// DNS lists as rules declare them, for who asks: which answers they may give, and how to tell that
// they are well.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace winnow {

struct CheckPlan;

struct DnsList {
  std::string zone;        // lower case, no trailing dot
  std::string probe = {};  // label that is never listed, as "1.0.0.127"; empty: a random one
  bool monitored = true;
  // Addresses outside 127/8 that are answers all the same, first and last as numbers.
  std::vector<std::pair<uint32_t, uint32_t>> also = {};
};

// REQUIRED: the plan is that of the check "rbl".
std::vector<DnsList> dns_lists_of(const CheckPlan& plan);

}  // namespace winnow
