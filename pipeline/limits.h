// The memory ceiling: an itemised sum that follows from configuration and options (DESIGN 3).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pipeline/flow.h"

namespace winnow {

struct MemoryItem {
  std::string what;
  uint64_t bytes = 0;
  std::string from;  // the options and limits that it follows from
};

// What the heap of a thread keeps at most at its end though nothing uses it (M_TRIM_THRESHOLD).
constexpr uint64_t kHeapKeptBytes = 16 << 20;

std::vector<MemoryItem> memory_ceiling(const RuleSet& rules, const FlowOptions& options);

}  // namespace winnow
