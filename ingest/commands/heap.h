// How the heap of a process that scans keeps its memory.
#pragma once

namespace winnow {

// What every start needs is there at once, and large messages go back to the system when they are
// done. REQUIRED: called once, before anything of size.
void prepare_heap();

// Once the rules are loaded: of what is free at its end the heap of a thread keeps kHeapKeptBytes
// (pipeline/limits.h) at most.
void settle_heap();

}  // namespace winnow
