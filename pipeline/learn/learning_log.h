// The learning log: an append-only file that is the truth of what was learnt. Models are made from
// it, and made again from it.
//
//   head     "WINNOWLL" | u32 version = 1 | u32 0 | 16 bytes that name this log
//   record   u32 bytes | u32 check of these and the offset | u64 xxh3 of the payload, seeded with
//            the offset | payload (record.h)
//
// A record is there once append() has returned: it is on disk then. A writer that died may have
// left a torn record at the end; readers stop before it, the next writer cuts it off. A record that
// is broken with others behind it is damage and an error: nothing is skipped in silence.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/result.h"
#include "pipeline/learn/record.h"

namespace winnow {

constexpr uint32_t kLearningLogVersion = 1;
constexpr uint64_t kLearningLogHead = 32;  // offset of the first record

class LearningLog {
 public:
  enum class Mode : uint8_t {
    kRead,    // the file is there
    kCreate,  // made where it is not there; may be appended to
  };
  using Name = std::array<uint8_t, 16>;

  // Errors: no file, no rights, no log, a newer version.
  static Result<std::unique_ptr<LearningLog>> open(const std::string& path, Mode mode);
  static bool exists(const std::string& path);
  // Makes a new log at `path`, which must not be there.
  static Result<std::unique_ptr<LearningLog>> create(const std::string& path, const Name& name);
  ~LearningLog();
  LearningLog(const LearningLog&) = delete;
  LearningLog& operator=(const LearningLog&) = delete;

  // REQUIRED where others may begin it anew: the lock is held.
  const Name& name() const { return name_; }
  // Reads the name again, which another process may have changed. REQUIRED: the lock is held.
  Result<void> read_name();
  uint64_t size() const;  // bytes of the file, a torn tail included
  // Reads the record at `offset`; false: there is none (the end, or a torn tail). `next` is where
  // the one after it begins. Errors: damage. Any process may read while another appends.
  Result<bool> read(uint64_t offset, LearnRecord& out, uint64_t& next) const;

  // Keeps other writers out, of this process or another, until it is destroyed.
  class Lock {
   public:
    explicit Lock(int fd) : fd_(fd) {}
    ~Lock();
    Lock(Lock&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

   private:
    int fd_;
  };
  Result<Lock> lock() const;
  // Appends in one write and waits for the disk; returns where each record begins. What is torn
  // behind `end` is cut off. REQUIRED: the lock is held; `end` is where read() found the end.
  Result<std::vector<uint64_t>> append(std::span<const LearnRecord> records, uint64_t end);
  // Takes all records away and gives the log a new name. A death in between leaves the old name and
  // no records. REQUIRED: the lock is held.
  Result<void> begin_anew();

 private:
  LearningLog(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  Error error(std::string_view what) const;
  Error damage(uint64_t offset) const;

  const std::string path_;
  const int fd_;
  Name name_{};
};

}  // namespace winnow
