// Files of the disk, for configuration.
#pragma once

#include "rules/config/file_source.h"

namespace winnow {

class DiskFiles final : public FileSource {
 public:
  bool exists(std::string_view path) override;
  Result<std::string> read(std::string_view path) override;
  std::vector<std::string> glob(std::string_view pattern) override;
};

}  // namespace winnow
