// CPU time and memory of a process with all below it, as the kernel counts them.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace winnow::load {

// User and system time since each began; 0 for pid 0. Children that ended are not in it.
double cpu_seconds(pid_t pid);
// Resident memory that is not shared with others (Pss), in KiB.
uint64_t memory_kb(pid_t pid);
double own_cpu_seconds();

}  // namespace winnow::load
