#include "engine/steps.h"

namespace {
thread_local uint64_t steps = 0;
}  // namespace

// The compiler calls it at the start of each basic block (-fsanitize-coverage=trace-pc).
extern "C" void __sanitizer_cov_trace_pc();
void __sanitizer_cov_trace_pc() { ++steps; }

namespace winnow {

uint64_t counted_steps() { return steps; }

}  // namespace winnow
