// What `logging { debug_modules }` adds to the log of each message: one line for each thing that a
// module named there asked, was answered, or found.
//
//   NAME of a module   its questions with their answers, the symbols that it inserted
//   regexp             each pattern and function that hit, with its count
//   composites         each composite that holds, and what it took
//
// Pure. What mail and name servers say is escaped; a line is bounded, a message has at most
// kDebugLinesMax.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/service.h"

namespace winnow {

constexpr size_t kDebugLinesMax = 1000;

// Calls `line` with module and text, modules in the order of `modules`.
void debug_lines(const Scanned& scanned, const std::vector<std::string>& modules,
                 const std::function<void(std::string_view module, std::string_view text)>& line);

}  // namespace winnow
