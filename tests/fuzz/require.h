// What must hold of any input; where it does not, the fuzzer has a finding.
#pragma once

#include <cstdlib>

inline void require(bool holds) {
  if (!holds) std::abort();
}
