// Counts of durations by size, for /metrics. Lock-free; readers see a count that may be some
// observations behind.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace winnow {

class Histogram {
 public:
  // Upper bounds in microseconds; one more bucket holds what is over the last.
  static constexpr std::array<uint64_t, 16> kBoundsUs{
      10,    25,     50,     100,     250,     500,       1'000,     2'500,
      5'000, 10'000, 25'000, 100'000, 500'000, 1'000'000, 8'000'000, 60'000'000};

  // `times` observations of the same duration.
  void observe(uint64_t us, uint64_t times = 1) {
    size_t bucket = 0;
    while (bucket < kBoundsUs.size() && us > kBoundsUs[bucket]) ++bucket;
    buckets_[bucket].fetch_add(times, std::memory_order_relaxed);
    sum_us_.fetch_add(us * times, std::memory_order_relaxed);
  }
  uint64_t bucket(size_t i) const { return buckets_[i].load(std::memory_order_relaxed); }
  uint64_t sum_us() const { return sum_us_.load(std::memory_order_relaxed); }

 private:
  std::array<std::atomic<uint64_t>, kBoundsUs.size() + 1> buckets_{};
  std::atomic<uint64_t> sum_us_{0};
};

}  // namespace winnow
