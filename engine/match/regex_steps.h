// Steps of PCRE2, counted so that a test can say how they grow with a text: items of the pattern
// that were tried, and bytes that were passed between one and the next. Only patterns compiled with
// the flag count, at many times their cost; for the others it is as if this were not there.
#pragma once

#include <cstdint>

namespace winnow {

// Beside the bits of PatternFlag in PatternSpec::flags; no rule can set it.
constexpr uint32_t kCountSteps = 1u << 16;

// Steps that such patterns took on this thread.
uint64_t regex_steps();

}  // namespace winnow
