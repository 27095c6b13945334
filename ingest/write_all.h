// Writes that the kernel takes in pieces or interrupts.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <string_view>

namespace winnow {

// True: every byte is written. False: errno says why not; some may be.
inline bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

}  // namespace winnow
