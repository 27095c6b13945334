// What a command reads whole: a file that its user names, or a pipe.
#pragma once

#include <string>

#include "engine/result.h"

namespace winnow {

// All bytes of a file, at most 1 GiB; "-" is standard input. Errors name the file.
Result<std::string> read_whole_file(const std::string& path);

}  // namespace winnow
