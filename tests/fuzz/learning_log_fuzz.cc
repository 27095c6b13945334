// The learning log and its records. The input is the payload of a record: what is read is written
// back as the same bytes, and comes back out of a log. Then it is the end of a file of that log,
// where nothing but an end or damage may be seen behind the record.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "pipeline/learn/learning_log.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace winnow;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  LearnRecord record;
  if (!read_record(input, record)) return 0;
  std::string again;
  append_record(record, again);
  LearnRecord same;
  if (record.who.size() <= kLearnWhoMax && record.symbols.size() <= (1 << 16))
    if (!read_record(again, same) || !(same == record)) std::abort();

  const int fd = memfd_create("log", 0);
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  {
    const auto log = LearningLog::open(path, LearningLog::Mode::kCreate);
    if (!log) std::abort();
    if (!(*log)->append({&record, 1}, kLearningLogHead)) std::abort();
    uint64_t next = 0;
    const Result<bool> there = (*log)->read(kLearningLogHead, same, next);
    if (!there || !*there) std::abort();
    if (pwrite(fd, input.data(), input.size(), static_cast<off_t>(next)) !=
        static_cast<ssize_t>(input.size()))
      std::abort();
    uint64_t after = 0;
    const Result<bool> more = (*log)->read(next, same, after);
    if (more && *more) std::abort();  // no checksum fits
  }
  close(fd);
  return 0;
}
