#include "engine/pages.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>

namespace winnow {

namespace {

// Of [begin, begin + bytes) the whole pages, where they are `least` bytes: what `advice` says.
void advise(void* begin, size_t bytes, size_t page, size_t least, int advice) {
  const auto from = reinterpret_cast<uintptr_t>(begin);
  const uintptr_t first = (from + page - 1) & ~(page - 1), end = (from + bytes) & ~(page - 1);
  if (end < first + least) return;
  madvise(reinterpret_cast<void*>(first), end - first, advice);
}

}  // namespace

void give_pages(void* begin, size_t bytes) {
  constexpr size_t kPage = 4096;  // of x86-64
  constexpr size_t kWorthwhile = 8 * kPage;
  advise(begin, bytes, kPage, kWorthwhile, MADV_POPULATE_WRITE);
}

void ask_huge_pages(void* begin, size_t bytes) {
  advise(begin, bytes, kHugePage, kHugePage, MADV_HUGEPAGE);
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
