// What is learnt on its way to Redis: a learning log in the site's folder. A record stands in it
// before Redis is asked, and is delivered once. What is delivered is of no use any more: the log
// begins anew, under a new name, once all of it is delivered and it is longer than `kept_bytes`.
//
//   FOLDER/redis-learn.log      the log
//   FOLDER/redis-learn.done     16 bytes name of the log | u64 offset of what is not delivered yet
//   FOLDER/redis-learn.refused  a log of the records that Redis would not take: they hold nobody up
//
// Any number of processes may use one folder, each under lock(). A death while the log begins anew
// leaves a log without records that still has its old name: who locks it next gives it the new one,
// before anything is written (a name and an offset are what Redis knows a record by).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/learn/learning_log.h"

namespace winnow {

class RedisJournal {
 public:
  struct Options {
    std::string folder;
    size_t pending_bytes_max = 64 << 20;  // of tokens that are read in one go
    uint64_t kept_bytes = 1 << 20;        // of log that may stay once all is delivered
  };
  // Records with their offsets.
  using Records = std::vector<std::pair<uint64_t, LearnRecord>>;
  struct Pending {
    Records records;
    uint64_t next = 0;  // behind the last of them
    uint64_t end = 0;   // of the log; beyond `next` where there are more of them
  };

  // Errors: a folder or a log that cannot be made or opened.
  static Result<std::unique_ptr<RedisJournal>> open(const Options& options);

  // REQUIRED of all that follows: what lock() returned is still there.
  Result<LearningLog::Lock> lock();
  // Of the log, as hex.
  const std::string& name() const { return name_; }
  Result<Pending> pending() const;
  // Errors: nothing is written then. `end` is that of pending().
  Result<std::vector<uint64_t>> append(std::span<const LearnRecord> records, uint64_t end);
  // Where the log ends: behind what append() wrote.
  uint64_t end() const { return log_->size(); }
  // All before `offset` is delivered. A position that is lost, or old, is no harm: what is
  // delivered again finds its mark in Redis.
  Result<void> delivered(uint64_t offset);
  // Keeps records that Redis will not take.
  Result<void> put_aside(std::span<const LearnRecord> records);
  // Writes what was put aside behind the log's end, to be delivered again. Returns how many.
  Result<uint64_t> take_back();

 private:
  explicit RedisJournal(Options options) : options_(std::move(options)) {}
  std::optional<uint64_t> position() const;
  void take_name();
  Result<std::unique_ptr<LearningLog>> refused() const;

  const Options options_;
  std::unique_ptr<LearningLog> log_;
  std::string name_;
};

std::string redis_learning_log_path(const std::string& folder);
std::string redis_refused_log_path(const std::string& folder);

}  // namespace winnow
