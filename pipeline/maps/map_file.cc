#include "pipeline/maps/map_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "engine/hash/fingerprint.h"

namespace winnow {

namespace {

constexpr size_t kPiece = 256 << 10;

FileStamp stamp_of(const struct stat& info) {
  FileStamp stamp;
  Fingerprint print;
  for (const uint64_t part :
       {static_cast<uint64_t>(info.st_dev), static_cast<uint64_t>(info.st_ino),
        static_cast<uint64_t>(info.st_size), static_cast<uint64_t>(info.st_mtim.tv_sec),
        static_cast<uint64_t>(info.st_mtim.tv_nsec), static_cast<uint64_t>(info.st_ctim.tv_sec),
        static_cast<uint64_t>(info.st_ctim.tv_nsec), static_cast<uint64_t>(info.st_mode)})
    print.add(part);
  stamp.version = print.value() | 2;  // neither unknown nor absent
  stamp.bytes = static_cast<uint64_t>(info.st_size);
  stamp.modified_ms = info.st_mtim.tv_sec * 1000 + info.st_mtim.tv_nsec / 1'000'000;
  stamp.present = true;
  return stamp;
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

// Reads what is there; false with errno set where that fails.
bool read_all(int fd, std::string& bytes, size_t bytes_max) {
  bytes.clear();
  for (;;) {
    const size_t at = bytes.size();
    bytes.resize(at + kPiece);
    const ssize_t n = ::pread(fd, bytes.data() + at, kPiece, static_cast<off_t>(at));
    bytes.resize(at + static_cast<size_t>(n > 0 ? n : 0));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n == 0;
    if (bytes.size() > bytes_max) return true;
  }
}

}  // namespace

FileStamp stamp_file(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return {.version = kAbsentFile};
  return stamp_of(info);
}

Result<StampedFile> read_map_file(const std::string& path, size_t bytes_max) {
  // A fifo without a writer must not hold up the start.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0)
    return fail(errno == ENOENT ? "is absent"
                                : fmt::format("cannot be read: {}", std::strerror(errno)));
  constexpr int kTries = 4;
  for (int i = 0; i < kTries; ++i) {
    struct stat before, after;
    if (fstat(file.get(), &before) != 0)
      return fail(fmt::format("cannot be read: {}", std::strerror(errno)));
    if (S_ISDIR(before.st_mode)) return fail("is a directory");
    if (!S_ISREG(before.st_mode)) return fail("is no file");
    if (static_cast<uint64_t>(before.st_size) > bytes_max)
      return fail(fmt::format("is larger than {} MiB (options.max_map_size)", bytes_max >> 20));
    StampedFile out;
    out.bytes.reserve(static_cast<size_t>(before.st_size) + kPiece);
    if (!read_all(file.get(), out.bytes, bytes_max))
      return fail(fmt::format("cannot be read: {}", std::strerror(errno)));
    if (fstat(file.get(), &after) != 0)
      return fail(fmt::format("cannot be read: {}", std::strerror(errno)));
    out.stamp = stamp_of(after);
    const bool whole = out.bytes.size() == out.stamp.bytes;
    if (whole && out.stamp.version == stamp_of(before).version) return out;
  }
  return fail("changes while it is read");
}

}  // namespace winnow
