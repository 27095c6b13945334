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

std::vector<MemoryItem> memory_ceiling(const RuleSet& rules, const FlowOptions& options);

}  // namespace winnow
