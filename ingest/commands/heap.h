// How the heap of a process that scans keeps its memory.
#pragma once

namespace winnow {

// Large messages go back to the system when they are done; of what is smaller the heap keeps what
// it had, and what every start needs of it is there at once. REQUIRED: called before other threads
// begin, once.
void prepare_heap();

}  // namespace winnow
