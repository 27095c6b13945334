#include "pipeline/learn/redis_journal.h"

#include <fmt/format.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "engine/crypt/hex_text.h"
#include "engine/little_endian.h"

namespace winnow {

namespace {

constexpr size_t kTakenBack = 1'024;  // records that are written in one go

std::string position_path(const std::string& folder) { return folder + "/redis-learn.done"; }

}  // namespace

std::string redis_learning_log_path(const std::string& folder) {
  return folder + "/redis-learn.log";
}
std::string redis_refused_log_path(const std::string& folder) {
  return folder + "/redis-learn.refused";
}

Result<std::unique_ptr<RedisJournal>> RedisJournal::open(const Options& options) {
  std::error_code problem;
  std::filesystem::create_directories(options.folder, problem);
  if (problem)
    return fail({.what = fmt::format("the folder of the learning log cannot be made: {}",
                                     problem.message()),
                 .file = options.folder});
  std::unique_ptr<RedisJournal> out(new RedisJournal(options));
  auto log = LearningLog::open(redis_learning_log_path(options.folder), LearningLog::Mode::kCreate);
  if (!log) return fail(log.error());
  out->log_ = std::move(*log);
  out->take_name();
  return out;
}

void RedisJournal::take_name() {
  name_.clear();
  append_hex(log_->name(), name_);
}

Result<LearningLog::Lock> RedisJournal::lock() {
  Result<LearningLog::Lock> held = log_->lock();
  if (!held) return held;
  if (Result<void> good = log_->read_name(); !good) return fail(good.error());
  if (const std::optional<uint64_t> at = position(); at && *at > log_->size())
    if (Result<void> good = log_->begin_anew(); !good) return fail(good.error());
  take_name();
  return held;
}

// Nothing where none is written down for the log of this name.
std::optional<uint64_t> RedisJournal::position() const {
  std::ifstream file(position_path(options_.folder), std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  if (bytes.size() != 24 || std::memcmp(bytes.data(), log_->name().data(), 16) != 0)
    return std::nullopt;
  return read_little<uint64_t>(bytes.data() + 16);
}

Result<RedisJournal::Pending> RedisJournal::pending() const {
  Pending out;
  out.next = out.end = position().value_or(kLearningLogHead);
  for (size_t taken = 0;;) {
    LearnRecord record;
    uint64_t next = 0;
    const Result<bool> there = log_->read(out.end, record, next);
    if (!there) return fail(there.error());
    if (!*there) return out;
    taken += record.tokens.size();
    if (taken <= options_.pending_bytes_max || out.records.empty()) {
      out.records.emplace_back(out.end, std::move(record));
      out.next = next;
    } else {
      taken = options_.pending_bytes_max;  // only the log's end is of interest now
    }
    out.end = next;
  }
}

Result<std::vector<uint64_t>> RedisJournal::append(std::span<const LearnRecord> records,
                                                   uint64_t end) {
  return log_->append(records, end);
}

Result<void> RedisJournal::delivered(uint64_t offset) {
  const std::string path = position_path(options_.folder), fresh = path + ".new";
  std::string bytes(reinterpret_cast<const char*>(log_->name().data()), 16);
  append_little<uint64_t>(bytes, offset);
  std::ofstream file(fresh, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file || std::rename(fresh.c_str(), path.c_str()) != 0)
    return fail({.what = "how far the learning log is delivered cannot be written", .file = path});
  if (offset != log_->size() || offset - kLearningLogHead <= options_.kept_bytes) return {};
  if (Result<void> good = log_->begin_anew(); !good) return good;
  take_name();
  return {};
}

Result<std::unique_ptr<LearningLog>> RedisJournal::refused() const {
  return LearningLog::open(redis_refused_log_path(options_.folder), LearningLog::Mode::kCreate);
}

Result<void> RedisJournal::put_aside(std::span<const LearnRecord> records) {
  const auto log = refused();
  if (!log) return fail(log.error());
  LearnRecord record;
  uint64_t end = kLearningLogHead;
  for (uint64_t next = 0;; end = next) {
    const Result<bool> there = (*log)->read(end, record, next);
    if (!there) return fail(there.error());
    if (!*there) break;
  }
  if (const auto offsets = (*log)->append(records, end); !offsets) return fail(offsets.error());
  return {};
}

Result<uint64_t> RedisJournal::take_back() {
  if (!std::filesystem::exists(redis_refused_log_path(options_.folder))) return 0;
  const auto log = refused();
  if (!log) return fail(log.error());
  Result<Pending> waiting = pending();
  if (!waiting) return fail(waiting.error());
  uint64_t taken = 0, end = waiting->end;
  std::vector<LearnRecord> some;
  const auto write = [&]() -> Result<void> {
    const auto offsets = append(some, end);
    if (!offsets) return fail(offsets.error());
    taken += some.size();
    some.clear();
    end = this->end();
    return {};
  };
  for (uint64_t at = kLearningLogHead, next = 0;; at = next) {
    LearnRecord record;
    const Result<bool> there = (*log)->read(at, record, next);
    if (!there) return fail(there.error());
    if (!*there) break;
    some.push_back(std::move(record));
    if (some.size() < kTakenBack) continue;
    if (Result<void> good = write(); !good) return fail(good.error());
  }
  if (taken + some.size() == 0) return 0;
  if (Result<void> good = write(); !good) return fail(good.error());
  // A death before this leaves them in both: what Redis knows already is not counted again.
  if (Result<void> good = (*log)->begin_anew(); !good) return fail(good.error());
  return taken;
}

}  // namespace winnow
