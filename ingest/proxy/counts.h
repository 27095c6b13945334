// What became of messages that went to other scanners, for /metrics.
#pragma once

#include <atomic>
#include <cstdint>

namespace winnow {

// What became of messages; any thread may read.
struct RemoteCounts {
  std::atomic<uint64_t> scanned{0};         // elsewhere
  std::atomic<uint64_t> failed{0};          // no scanner gave an answer
  std::atomic<uint64_t> retried{0};         // asked of another host
  std::atomic<uint64_t> mirrored{0};        // copies that were taken
  std::atomic<uint64_t> mirror_dropped{0};  // for there was no room
  std::atomic<uint64_t> mirror_failed{0};
};

}  // namespace winnow
