// Reading UCL text into a UclDocument. The grammar stands at the top of ucl_parse.cc.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "rules/config/file_source.h"
#include "rules/config/ucl.h"

namespace winnow {

// Passing one of these is an error with the place where it happened.
struct UclLimits {
  size_t text_bytes_max = 256u << 20;  // all files together, includes counted each time
  size_t nodes_max = 4'000'000;
  size_t depth_max = 256;         // braces and brackets
  size_t include_depth_max = 16;  // files that include files
  size_t includes_max = 20'000;
};

// A file that was asked for, in order; tells which files of a site are read by nothing.
struct UclInclude {
  std::string path;
  bool found = false;
  unsigned priority = 0;
};

struct UclOptions {
  std::map<std::string, std::string, std::less<>> variables;  // ${NAME}
  FileSource* files = nullptr;  // null: every include is an error (or skipped with try)
  UclLimits limits;
  // Runs before parsing on every text (rules/config/template.h). `lines[i]` is the source line
  // of output line i+1; empty = unchanged. Null: no template pass.
  std::function<Result<std::string>(std::string_view text, std::string_view file,
                                    std::vector<uint32_t>& lines)>
      prepare;
  // Checks the signature of a file that must have one. Null: such includes are refused.
  std::function<Result<bool>(std::string_view path, std::string_view bytes)> verify;
};

struct UclResult {
  std::unique_ptr<UclDocument> document;
  std::vector<Warning> warnings;
  std::vector<UclInclude> includes;
};

// Parses `text`, which messages call `file`. The document is whole or there is an error.
Result<UclResult> parse_ucl(std::string_view text, std::string_view file,
                            const UclOptions& options = {});

// Reads and parses one file and all it includes.
Result<UclResult> parse_ucl_file(std::string_view path, const UclOptions& options);

}  // namespace winnow
