#include "ingest/commands/heap.h"

#include <malloc.h>

#include "engine/pages.h"
#include "pipeline/limits.h"

namespace winnow {

void prepare_heap(size_t mapped_bytes) {
  constexpr int kStartBytes = 32 << 20;  // rules of the shipped policy, and what is read ahead
  ::mallopt(M_TRIM_THRESHOLD, 2 * kStartBytes);
  ::mallopt(M_TOP_PAD, 1 << 20);
  // Said once, or glibc would learn from the first large messages to keep all that come after them.
  ::mallopt(M_MMAP_THRESHOLD, static_cast<int>(mapped_bytes));
  warm_heap(kStartBytes);
}

void settle_heap() {
  // Not less: given back after each batch and asked for again before the next, it was a tenth of a
  // message's CPU in page faults.
  ::mallopt(M_TRIM_THRESHOLD, static_cast<int>(kHeapKeptBytes));
}

}  // namespace winnow
