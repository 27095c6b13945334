#include "ingest/commands/progress.h"

#include <fmt/format.h>

#include <cstdio>

namespace winnow {

Progress::Progress(bool enabled, uint64_t total_bytes) : enabled_(enabled), total_(total_bytes) {}

Progress::~Progress() { clear(); }

void Progress::clear() {
  if (!drawn_) return;
  std::fputs("\r\x1b[K", stderr);
  drawn_ = false;
}

void Progress::message() {
  ++messages_;
  if (!enabled_ || messages_ % 16 != 0) return;
  const Clock::time_point now = Clock::now();
  if (now - last_ < std::chrono::milliseconds(200)) return;
  last_ = now;
  draw();
}

void Progress::draw() {
  const double seconds = std::chrono::duration<double>(last_ - start_).count();
  std::string line = fmt::format("\r\x1b[K{} messages, {:.0f}/s", messages_,
                                 static_cast<double>(messages_) / seconds);
  if (total_ > 0 && bytes_ > 0 && bytes_ <= total_) {
    const double part = static_cast<double>(bytes_) / static_cast<double>(total_);
    const auto left = static_cast<uint64_t>(seconds / part * (1 - part));
    line += fmt::format(", {:.0f} %, {}:{:02} left", part * 100, left / 60, left % 60);
  }
  std::fputs(line.c_str(), stderr);
  std::fflush(stderr);
  drawn_ = true;
}

}  // namespace winnow
