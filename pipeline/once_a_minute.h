// Keeps a warning that may come with every message from filling the log.
#pragma once

#include <chrono>

namespace winnow {

// Not thread-safe.
class OnceAMinute {
 public:
  using Clock = std::chrono::steady_clock;
  // Whether the warning is to be told now: the first, and again a minute after the one told last.
  bool is_due(Clock::time_point now = Clock::now()) {
    if (told_ != Clock::time_point{} && now - told_ < std::chrono::minutes(1)) return false;
    told_ = now;
    return true;
  }

 private:
  Clock::time_point told_{};
};

}  // namespace winnow
