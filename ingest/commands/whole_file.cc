#include "ingest/commands/whole_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace winnow {

Result<std::string> read_whole_file(const std::string& path) {
  constexpr size_t kMost = size_t{1} << 30, kStep = 1 << 16;
  const int fd = path == "-" ? dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  std::string out;
  ssize_t got = fd < 0 ? -1 : 1;
  while (got > 0 && out.size() <= kMost) {
    const size_t before = out.size();
    out.resize(before + kStep);
    do got = read(fd, out.data() + before, kStep);
    while (got < 0 && errno == EINTR);
    const int problem = errno;
    out.resize(before + static_cast<size_t>(std::max<ssize_t>(0, got)));
    errno = problem;
  }
  const int problem = errno;
  if (fd >= 0) close(fd);
  if (got < 0) return fail(fmt::format("{} cannot be read: {}", path, std::strerror(problem)));
  if (out.size() > kMost) return fail(fmt::format("{} has more than {} bytes", path, kMost));
  return out;
}

}  // namespace winnow
