#include "pipeline/learn/learning_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <cerrno>
#include <cstring>

#include "engine/little_endian.h"

namespace winnow {

namespace {

constexpr std::string_view kMagic = "WINNOWLL";
constexpr uint64_t kFrame = 16;   // bytes before the payload
constexpr uint64_t kNameAt = 16;  // offset of the log's name

// Bytes read, less than asked for at the end; -1 with errno.
ssize_t read_at(int fd, char* to, size_t bytes, uint64_t offset) {
  size_t got = 0;
  while (got < bytes) {
    const ssize_t n = pread(fd, to + got, bytes - got, static_cast<off_t>(offset + got));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -1;
    if (n == 0) break;
    got += static_cast<size_t>(n);
  }
  return static_cast<ssize_t>(got);
}

bool write_at(int fd, std::string_view bytes, uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t n = pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
  return true;
}

// The offset is part of it: a record that was copied to another place is not one.
uint64_t checksum(uint64_t offset, std::string_view payload) {
  return XXH3_64bits_withSeed(payload.data(), payload.size(), offset);
}

// Of a record's length, so that a broken length is told from a record that was cut off.
uint32_t length_check(uint64_t offset, uint32_t bytes) {
  return static_cast<uint32_t>(XXH3_64bits_withSeed(&bytes, sizeof bytes, offset + 1));
}

uint64_t size_of(int fd) {
  struct stat status;
  return fstat(fd, &status) == 0 ? static_cast<uint64_t>(status.st_size) : 0;
}

Error system_error(std::string_view what, const std::string& path) {
  return {.what = fmt::format("the learning log {}: {}", what, std::strerror(errno)), .file = path};
}

bool new_name(LearningLog::Name& name) {
  return getrandom(name.data(), name.size(), 0) == static_cast<ssize_t>(name.size());
}

std::string head_of(const LearningLog::Name& name) {
  std::string head(kMagic);
  append_little(head, kLearningLogVersion);
  append_little(head, uint32_t{0});
  return head.append(reinterpret_cast<const char*>(name.data()), name.size());
}

}  // namespace

Error LearningLog::error(std::string_view what) const { return system_error(what, path_); }

Error LearningLog::damage(uint64_t offset) const {
  return {.what = fmt::format("the learning log is damaged at byte {}: restore it from a copy, or "
                              "keep what is before with `winnow learn-log export --until-damage`",
                              offset),
          .file = path_};
}

bool LearningLog::exists(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0;
}

Result<std::unique_ptr<LearningLog>> LearningLog::open(const std::string& path, Mode mode) {
  const bool may_write = mode == Mode::kCreate;
  const int fd = ::open(path.c_str(), (may_write ? O_RDWR | O_CREAT : O_RDONLY) | O_CLOEXEC, 0640);
  if (fd < 0)
    return fail(system_error(errno == ENOENT && !may_write
                                 ? "is not there, nothing was learnt into this folder"
                                 : "cannot be opened",
                             path));
  std::unique_ptr<LearningLog> log(new LearningLog(path, fd));
  if (may_write && size_of(fd) < kLearningLogHead) {
    // New, or its maker died before the head was there. Two makers at once: one is first.
    const Result<Lock> held = log->lock();
    if (!held) return fail(held.error());
    if (size_of(fd) < kLearningLogHead) {
      Name name;
      if (!new_name(name)) return fail(log->error("cannot be named"));
      if (!write_at(fd, head_of(name), 0) || fdatasync(fd) != 0)
        return fail(log->error("cannot be written"));
    }
  }
  char head[kLearningLogHead];
  const ssize_t got = read_at(fd, head, sizeof head, 0);
  if (got < 0) return fail(log->error("cannot be read"));
  if (got != static_cast<ssize_t>(sizeof head) || std::memcmp(head, kMagic.data(), 8) != 0)
    return fail({.what = "this is no learning log", .file = path});
  const auto version = read_little<uint32_t>(head + 8);
  if (version != kLearningLogVersion)
    return fail({.what = fmt::format("the learning log has version {}, this program knows {}: use "
                                     "the newer program",
                                     version, kLearningLogVersion),
                 .file = path});
  std::memcpy(log->name_.data(), head + kNameAt, log->name_.size());
  return log;
}

Result<std::unique_ptr<LearningLog>> LearningLog::create(const std::string& path,
                                                         const Name& name) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
  if (fd < 0) return fail(system_error("cannot be made", path));
  std::unique_ptr<LearningLog> log(new LearningLog(path, fd));
  log->name_ = name;
  if (!write_at(fd, head_of(name), 0)) return fail(log->error("cannot be written"));
  return log;
}

Result<void> LearningLog::read_name() {
  if (read_at(fd_, reinterpret_cast<char*>(name_.data()), name_.size(), kNameAt) !=
      static_cast<ssize_t>(name_.size()))
    return fail(error("cannot be read"));
  return {};
}

uint64_t LearningLog::size() const { return size_of(fd_); }

Result<void> LearningLog::begin_anew() {
  Name name;
  if (!new_name(name)) return fail(error("cannot be named"));
  const std::string_view bytes(reinterpret_cast<const char*>(name.data()), name.size());
  if (ftruncate(fd_, kLearningLogHead) != 0 || fdatasync(fd_) != 0 ||
      !write_at(fd_, bytes, kNameAt) || fdatasync(fd_) != 0)
    return fail(error("cannot begin anew"));
  name_ = name;
  return {};
}

LearningLog::~LearningLog() { close(fd_); }

LearningLog::Lock::~Lock() {
  if (fd_ >= 0) close(fd_);
}

Result<LearningLog::Lock> LearningLog::lock() const {
  // An open file of its own, so that threads of one process keep each other out as well.
  const int fd = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(error("cannot be opened"));
  Lock held(fd);
  while (flock(fd, LOCK_EX) != 0)
    if (errno != EINTR) return fail(error("cannot be locked"));
  return held;
}

Result<bool> LearningLog::read(uint64_t offset, LearnRecord& out, uint64_t& next) const {
  char frame[kFrame];
  const ssize_t head = read_at(fd_, frame, sizeof frame, offset);
  if (head < 0) return fail(error("cannot be read"));
  if (head < static_cast<ssize_t>(sizeof frame)) return false;
  const auto bytes = read_little<uint32_t>(frame);
  const uint64_t size = size_of(fd_);
  if (read_little<uint32_t>(frame + 4) == length_check(offset, bytes) && bytes <= kLearnRecordMax) {
    next = offset + kFrame + bytes;
    if (next > size) return false;  // cut off
    std::string payload(bytes, '\0');
    const ssize_t got = read_at(fd_, payload.data(), payload.size(), offset + kFrame);
    if (got < 0) return fail(error("cannot be read"));
    if (got == static_cast<ssize_t>(bytes) &&
        checksum(offset, payload) == read_little<uint64_t>(frame + 8) && read_record(payload, out))
      return true;
    if (next == size) return false;  // the last one, half of it on the disk
    return fail(damage(offset));
  }
  // A disk that lost its power may have given the file its length and no bytes.
  std::string rest(1 << 16, '\0');
  for (uint64_t at = offset; at < size;) {
    const ssize_t got = read_at(fd_, rest.data(), rest.size(), at);
    if (got <= 0) break;
    if (rest.find_first_not_of('\0') < static_cast<size_t>(got)) return fail(damage(offset));
    at += static_cast<uint64_t>(got);
  }
  return false;
}

Result<std::vector<uint64_t>> LearningLog::append(std::span<const LearnRecord> records,
                                                  uint64_t end) {
  std::string bytes, payload;
  std::vector<uint64_t> offsets;
  for (const LearnRecord& record : records) {
    payload.clear();
    append_record(record, payload);
    if (payload.size() > kLearnRecordMax)
      return fail({.what = fmt::format("a record of {} bytes is too large", payload.size()),
                   .file = path_});
    offsets.push_back(end + bytes.size());
    const auto length = static_cast<uint32_t>(payload.size());
    append_little(bytes, length);
    append_little(bytes, length_check(offsets.back(), length));
    append_little(bytes, checksum(offsets.back(), payload));
    bytes += payload;
  }
  if (size_of(fd_) > end && ftruncate(fd_, static_cast<off_t>(end)) != 0)
    return fail(error("cannot be mended"));
  if (!write_at(fd_, bytes, end) || fdatasync(fd_) != 0) {
    const Error problem = error("cannot be written");
    if (ftruncate(fd_, static_cast<off_t>(end)) != 0) return fail(error("cannot be mended"));
    return fail(problem);
  }
  return offsets;
}

}  // namespace winnow
