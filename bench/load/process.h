// CPU time and memory of a process with all below it, as the kernel counts them.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace winnow::load {

// User and system time since each began; 0 for pid 0. Children that ended are not in it.
double cpu_seconds(pid_t pid);
// Resident memory in KiB. Not Pss: that changes when others map or leave the same files.
uint64_t memory_kb(pid_t pid);
double own_cpu_seconds();

}  // namespace winnow::load
