// Steps of computing, counted so that a test can say how they grow with a message: basic blocks
// that the compiler marked. Only in builds with WINNOW_COUNT_STEPS (the preset dev), and only of
// the sources that winnow_count_steps() names: checks, functions, maps, judging and what they
// call. A release counts nothing and pays nothing.
#pragma once

#include <cstdint>

namespace winnow {

// Basic blocks that this thread has run.
uint64_t counted_steps();

}  // namespace winnow
