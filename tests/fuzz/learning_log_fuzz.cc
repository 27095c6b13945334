// The learning log and its records. The input is the payload of a record: what is read is written
// back as the same bytes, and comes back out of a log. Then it is the end of a file of that log,
// where nothing but an end or damage may be seen behind the record. Last it is a file: a log of
// records up to an end or damage, or none; begun anew it is empty.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "pipeline/learn/learning_log.h"
#include "tests/fuzz/require.h"

namespace {

using namespace winnow;

// A file without a name, by the path that it has while it is open.
class Memory {
 public:
  Memory() : fd_(memfd_create("log", 0)), path_("/proc/self/fd/" + std::to_string(fd_)) {}
  ~Memory() { close(fd_); }
  const std::string& path() const { return path_; }
  void write(std::string_view bytes, uint64_t at) const {
    require(pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(at)) ==
            static_cast<ssize_t>(bytes.size()));
  }

 private:
  const int fd_;
  const std::string path_;
};

void as_tail(std::string_view input, const LearnRecord& record) {
  const Memory file;
  const auto log = LearningLog::open(file.path(), LearningLog::Mode::kCreate);
  require(log && (*log)->append({&record, 1}, kLearningLogHead));
  LearnRecord same;
  uint64_t next = 0, after = 0;
  const Result<bool> there = (*log)->read(kLearningLogHead, same, next);
  require(there && *there);
  file.write(input, next);
  const Result<bool> more = (*log)->read(next, same, after);
  require(!more || !*more);  // no checksum fits
}

void as_file(std::string_view input) {
  const Memory file;
  file.write(input, 0);
  require(LearningLog::exists(file.path()) && !LearningLog::create(file.path(), {}));
  require(!LearningLog::open(file.path() + "/none", LearningLog::Mode::kRead));
  LearnRecord record;
  uint64_t next = 0;
  if (const auto log = LearningLog::open(file.path(), LearningLog::Mode::kRead); log) {
    for (uint64_t at = kLearningLogHead;; at = next) {
      const Result<bool> there = (*log)->read(at, record, next);
      if (!there || !*there) break;
      require(next > at && next <= (*log)->size());
    }
  }
  const auto log = LearningLog::open(file.path(), LearningLog::Mode::kCreate);
  require(log || input.size() >= kLearningLogHead);
  if (!log) return;
  require((*log)->begin_anew() && (*log)->size() == kLearningLogHead);
  const LearningLog::Name name = (*log)->name();
  require((*log)->read_name() && (*log)->name() == name);
  const Result<bool> there = (*log)->read(kLearningLogHead, record, next);
  require(there && !*there);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  as_file(input);
  LearnRecord record, same;
  if (!read_record(input, record)) return 0;
  std::string again;
  append_record(record, again);
  if (record.who.size() <= kLearnWhoMax && record.symbols.size() <= (1 << 16))
    require(read_record(again, same) && same == record);
  as_tail(input, record);
  return 0;
}
