// How the heap of a process that scans keeps its memory.
#pragma once

#include <cstddef>

namespace winnow {

// Memory of so many bytes and more is a mapping of its own and goes back to the system once it is
// free. A service gives back what large messages had, as they come seldom; a corpus run reads one
// after the other, and fresh pages cost more than all that parsing does with them.
constexpr size_t kServiceMappedBytes = 256 << 10, kCorpusMappedBytes = 32 << 20;

// What every start needs is there at once. REQUIRED: called once, before anything of size.
void prepare_heap(size_t mapped_bytes);

// Once the rules are loaded: of what is free at its end the heap of a thread keeps kHeapKeptBytes
// (pipeline/limits.h) at most.
void settle_heap();

}  // namespace winnow
