#include "pipeline/disk_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace winnow {

namespace {
constexpr off_t kFileBytesMax = off_t{1} << 30;
}  // namespace

bool DiskFiles::exists(std::string_view path) {
  struct stat info;
  return stat(std::string(path).c_str(), &info) == 0;
}

Result<std::string> DiskFiles::read(std::string_view path) {
  const std::string name(path);
  const auto broken = [&](std::string_view why) {
    return fail(Error{.what = fmt::format("cannot be read: {}", why), .file = name});
  };
  const int fd = open(name.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return broken(std::strerror(errno));
  struct stat info;
  if (fstat(fd, &info) != 0 || S_ISDIR(info.st_mode) || info.st_size > kFileBytesMax) {
    close(fd);
    return broken(S_ISDIR(info.st_mode) ? "it is a directory" : "it is larger than 1 GiB");
  }
  std::string bytes;
  char buffer[64 * 1024];
  for (;;) {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const std::string why = std::strerror(errno);
      close(fd);
      return broken(why);
    }
    if (n == 0) break;
    bytes.append(buffer, static_cast<size_t>(n));
  }
  close(fd);
  return bytes;
}

std::vector<std::string> DiskFiles::glob(std::string_view pattern) {
  std::vector<std::string> paths;
  glob_t found{};
  if (::glob(std::string(pattern).c_str(), 0, nullptr, &found) == 0)
    for (size_t i = 0; i < found.gl_pathc; ++i) paths.emplace_back(found.gl_pathv[i]);
  globfree(&found);
  std::ranges::sort(paths);
  return paths;
}

}  // namespace winnow
