// After one text of its size, another is read without the heap.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "engine/html/html.h"

namespace {
std::atomic<size_t> allocations = 0;
}

__attribute__((noinline)) void* operator new(size_t size) {
  ++allocations;
  if (void* const memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
__attribute__((noinline)) void operator delete(void* memory) noexcept { std::free(memory); }
__attribute__((noinline)) void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace winnow {
namespace {

TEST(HtmlAllocation, NoneAfterWarmUp) {
  std::string html = "<style>.x{display:none}</style>";
  for (int i = 0; i < 200; ++i) {
    html +=
        "<table><tr><td class=x style='color:red;dis/**/play:block'>a &amp; b<a href='x?a&amp;b'>c"
        "</a><img src=y><form action=z><input type=password></form></table>";
  }
  const Limits limits;
  Batch batch;
  HtmlScratch scratch;
  const auto run = [&] {
    batch.clear();
    batch.add(html, 0, Envelope(), {});
    Text text;
    parse_html(limits, scratch, html, 0, 0, batch, text);
    EXPECT_EQ(batch.html_links.open_row().size(), 600u);
  };
  run();
  const size_t before = allocations;
  run();
  EXPECT_EQ(allocations, before);
}

}  // namespace
}  // namespace winnow
