#include "ingest/serve/pid_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

namespace winnow {

namespace {

// Whether the file at the path is still this one: who held it before may have taken it away.
bool is_at(int fd, const std::string& path) {
  struct stat open {
  }, there{};
  return ::fstat(fd, &open) == 0 && ::stat(path.c_str(), &there) == 0 &&
         open.st_dev == there.st_dev && open.st_ino == there.st_ino;
}

}  // namespace

Result<int> hold_pid_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0)
    return fail(fmt::format("the pid file {} cannot be written: {}", path, std::strerror(errno)));
  struct flock whole {};
  whole.l_type = F_WRLCK;
  const bool held = ::fcntl(fd, F_OFD_SETLK, &whole) == 0;
  if (held && !is_at(fd, path)) {
    ::close(fd);
    return hold_pid_file(path);
  }
  const std::string text = fmt::format("{}\n", ::getpid());
  if (held && ::ftruncate(fd, 0) == 0 &&
      ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()))
    return fd;
  const int error = errno;
  ::close(fd);
  if (!held && (error == EAGAIN || error == EACCES))
    return fail(fmt::format("the pid file {} is that of a service that runs", path));
  return fail(fmt::format("the pid file {} cannot be written: {}", path, std::strerror(error)));
}

void drop_pid_file(int fd, const std::string& path) {
  if (fd < 0) return;
  if (::unlink(path.c_str()) != 0 && ::ftruncate(fd, 0) != 0) {
    // Nobody holds it from here on: it is not believed.
  }
  ::close(fd);
}

Result<pid_t> read_pid_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return fail(fmt::format("{} cannot be read: {}; is winnow serve running, with this --pid-file?",
                            path, std::strerror(errno)));
  struct flock whole {};
  whole.l_type = F_RDLCK;  // asked for only
  const bool asked = ::fcntl(fd, F_OFD_GETLK, &whole) == 0;
  char text[32];
  const ssize_t size = ::pread(fd, text, sizeof text, 0);
  ::close(fd);
  if (!asked || whole.l_type == F_UNLCK)
    return fail(fmt::format(
        "no service holds {}: what wrote it has ended, and nobody is asked to reload", path));
  pid_t pid = 0;
  const char* const end = text + (size > 0 ? size : 0);
  const char* const read = std::from_chars(text, end, pid).ptr;
  if (pid <= 1 || read == end || *read != '\n')
    return fail(fmt::format("{} holds no process id", path));
  return pid;
}

}  // namespace winnow
