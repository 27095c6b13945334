// Reading a file that somebody may be writing.
#pragma once

#include <cstdint>
#include <string>

#include "engine/result.h"

namespace winnow {

struct FileStamp {
  uint64_t version = 0;  // of inode, size and times; kAbsentFile where there is none
  uint64_t bytes = 0;
  int64_t modified_ms = 0;  // Unix ms
  bool present = false;
};
constexpr uint64_t kAbsentFile = 1;

FileStamp stamp_file(const std::string& path);

struct StampedFile {
  std::string bytes;
  FileStamp stamp;
};

// The whole file as it stood at one moment: what changes while it is read is read again, a few
// times. Errors: a sentence without its subject ("is absent", "is a directory", "is larger than
// 256 MiB", "changes while it is read").
Result<StampedFile> read_map_file(const std::string& path, size_t bytes_max);

}  // namespace winnow
