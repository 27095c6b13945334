// Files that are part of the binary (rules/config/embed.cmake puts them there).
#pragma once

#include <span>
#include <string_view>

namespace winnow {

struct EmbeddedFile {
  std::string_view path;   // relative to its folder, "regexp.d/headers.conf"
  std::string_view bytes;  // for the life of the program
};
using PolicyFile = EmbeddedFile;

// The shipped policy: rules/conf, sorted by path.
std::span<const PolicyFile> embedded_policy();

// Tables of this folder: options.tsv (options.h).
std::span<const EmbeddedFile> embedded_tables();

// The file with that path; empty bytes and path where there is none.
inline EmbeddedFile embedded_file(std::span<const EmbeddedFile> files, std::string_view path) {
  for (const EmbeddedFile& file : files)
    if (file.path == path) return file;
  return {};
}

}  // namespace winnow
