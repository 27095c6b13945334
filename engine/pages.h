// Pages of memory that is about to be written, from the system all at once: one by one, each at its
// first touch, they cost a fault each, 0.3 us on bare machines. On a virtual machine whose pages
// are shadowed (AMD EPYC, paravirtual) that is 15 us, and 9 for a page that was given: memory that
// was used before costs least.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace winnow {

// Backs [begin, begin + bytes) with memory, as far as it is whole pages; what is there stays as it
// is. Nothing where it is too little to be worth the call, or the system (Linux before 5.14)
// cannot.
void give_pages(void* begin, size_t bytes);

constexpr size_t kHugePage = 2 << 20;

// Huge pages for [begin, begin + bytes), as far as it is whole ones, where the system has them: one
// fault and one entry of the TLB instead of 512. They come as they are written.
void ask_huge_pages(void* begin, size_t bytes);

// The heap of the calling thread has at least so many bytes at hand, with their pages, as long as
// it keeps what is freed: REQUIRED: M_TRIM_THRESHOLD is above `bytes`, or they go back at once.
void warm_heap(size_t bytes);

// Room for `more` elements, at least twice as many as there were, with their pages.
template <class T>
void reserve_pages(std::vector<T>& values, size_t more) {
  if (values.capacity() - values.size() >= more) return;
  std::vector<T> larger;
  larger.reserve(std::max(values.capacity() * 2, values.size() + more));
  give_pages(larger.data(), larger.capacity() * sizeof(T));
  larger.insert(larger.end(), values.begin(), values.end());
  values = std::move(larger);
}

}  // namespace winnow
