// Files as configuration sees them. Nothing in rules/ opens a file: who loads a configuration
// hands one of these in (the real one lives in ingest/, tests have one in memory).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/result.h"

namespace winnow {

class FileSource {
 public:
  virtual ~FileSource() = default;
  virtual bool exists(std::string_view path) = 0;
  // The whole file. Errors name the path and the reason.
  virtual Result<std::string> read(std::string_view path) = 0;
  // Paths that match a shell pattern (`*`, `?`, `[a-z]` in the last parts), sorted by bytes.
  virtual std::vector<std::string> glob(std::string_view pattern) = 0;
};

// Files held in memory.
class MemoryFiles final : public FileSource {
 public:
  void add(std::string path, std::string bytes) { files_[std::move(path)] = std::move(bytes); }
  bool exists(std::string_view path) override { return files_.find(path) != files_.end(); }
  Result<std::string> read(std::string_view path) override;
  std::vector<std::string> glob(std::string_view pattern) override;

 private:
  std::map<std::string, std::string, std::less<>> files_;
};

// Whether `path` matches the shell pattern; `*` and `?` do not match '/', `**/` matches any
// number of folders. Linear in path times pattern.
bool glob_match(std::string_view pattern, std::string_view path);

}  // namespace winnow
