#include "engine/pages.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>

namespace winnow {

void give_pages(void* begin, size_t bytes) {
  constexpr uintptr_t kPage = 4096;  // of x86-64
  constexpr size_t kWorthwhile = 8 * kPage;
  const auto from = reinterpret_cast<uintptr_t>(begin);
  const uintptr_t first = (from + kPage - 1) & ~(kPage - 1), end = (from + bytes) & ~(kPage - 1);
  if (end <= first || end - first < kWorthwhile) return;
  madvise(reinterpret_cast<void*>(first), end - first, MADV_POPULATE_WRITE);
}

void warm_heap(size_t bytes) {
#ifndef WINNOW_SANITIZED                      // whose heap does not hand out again what was freed
  constexpr size_t kChunk = 128 * 1024 - 64;  // larger ones may be mappings of their own
  std::vector<void*> chunks(bytes / kChunk);
  for (void*& chunk : chunks) {
    chunk = std::malloc(kChunk);
    if (chunk != nullptr) give_pages(chunk, kChunk);
  }
  for (size_t i = chunks.size(); i-- > 0;) std::free(chunks[i]);
#else
  (void)bytes;
#endif
}

}  // namespace winnow
