// A progress line on standard error while it is a terminal: done, rate, time left. Never part of
// the output, so that two runs differ in nothing.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace winnow {

class Progress {
 public:
  // total_bytes: 0 where it is not known. Draws nothing unless `enabled`.
  Progress(bool enabled, uint64_t total_bytes);
  ~Progress();
  void add(uint64_t bytes) { bytes_ += bytes; }
  void message();  // one more message delivered
  // Takes the line away before something else is printed to the terminal.
  void clear();

 private:
  void draw();

  using Clock = std::chrono::steady_clock;
  const bool enabled_;
  const uint64_t total_;
  const Clock::time_point start_ = Clock::now();
  Clock::time_point last_ = start_;
  uint64_t bytes_ = 0;
  uint64_t messages_ = 0;
  bool drawn_ = false;
};

}  // namespace winnow
