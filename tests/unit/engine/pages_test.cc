#include "engine/pages.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstdint>
#include <numeric>

namespace winnow {
namespace {

constexpr size_t kPage = 4096;

TEST(Pages, WholePagesAreThereAtOnceAndKeepWhatTheyHold) {
  constexpr size_t kPages = 64;
  void* const mapped =
      mmap(nullptr, kPages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(mapped, MAP_FAILED);
  auto* const bytes = static_cast<unsigned char*>(mapped);
  if (madvise(bytes, kPage, MADV_POPULATE_WRITE) != 0) GTEST_SKIP() << "Linux before 5.14";
  bytes[5 * kPage] = 42;
  // From the middle of page 1 to that of page 60: 2 to 59 are whole.
  give_pages(bytes + kPage + 100, 59 * kPage);
  EXPECT_EQ(bytes[5 * kPage], 42);
  std::vector<unsigned char> there(kPages);
  ASSERT_EQ(mincore(bytes, kPages * kPage, there.data()), 0);
  for (size_t page = 1; page < kPages; ++page)
    EXPECT_EQ(there[page] & 1, page >= 2 && page <= 59) << page;
  munmap(mapped, kPages * kPage);
}

TEST(Pages, LittleIsLeftAsItIs) {
  std::vector<char> few(3 * kPage, 'x');
  give_pages(few.data(), few.size());
  give_pages(few.data(), 0);
  give_pages(nullptr, 0);
  EXPECT_EQ(std::accumulate(few.begin(), few.end(), 0u), few.size() * 'x');
}

TEST(Pages, VectorsGrowAndKeepTheirValues) {
  std::vector<uint64_t> values(1000);
  std::iota(values.begin(), values.end(), 0);
  values.shrink_to_fit();
  reserve_pages(values, 1);
  EXPECT_GE(values.capacity(), 2000u);
  const size_t before = values.capacity();
  reserve_pages(values, before - values.size());  // there is room
  EXPECT_EQ(values.capacity(), before);
  reserve_pages(values, 100'000);
  EXPECT_GE(values.capacity(), 101'000u);
  ASSERT_EQ(values.size(), 1000u);
  for (size_t i = 0; i < values.size(); ++i) EXPECT_EQ(values[i], i);
}

}  // namespace
}  // namespace winnow
