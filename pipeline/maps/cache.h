// Copies of fetched maps as files of one directory, for a hot start. Written whole or not at all;
// what cannot be written is no error, the next start fetches again.
//
// Two files a source, named by a hash of it:
//   NAME.map    the copy: a head of "key: value" lines, an empty line, the body
//     winnow map 1 / source / etag / modified / fetched (Unix ms) / signature (base32) /
//     bytes (length of the body) / hash (XXH3-64 of the body, hex)
//   NAME.state  what became of the last check: "checked next failures\nerror\n" (Unix ms)
// A copy whose head, length or hash is wrong is none.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace winnow {

struct MapCopy {
  std::string source;  // name of the source
  std::string etag, last_modified;
  std::string signature;  // raw; empty where none is asked for
  int64_t fetched_ms = 0;
  uint64_t hash = 0;  // of the body
  uint64_t bytes = 0;
};

struct MapCheck {
  int64_t checked_ms = 0;
  int64_t next_ms = 0;
  uint32_t failures = 0;  // in a row
  std::string error;
};

class MapCache {
 public:
  explicit MapCache(std::filesystem::path directory) : directory_(std::move(directory)) {}

  // The head of a source's copy; nothing where there is none that is whole.
  std::optional<MapCopy> find(const std::string& source) const;
  // Its body, at most `bytes_max` bytes; nothing where it is not what the head says.
  std::optional<std::string> body(const MapCopy& copy, size_t bytes_max) const;
  // False where it could not be written.
  bool put(const MapCopy& copy, std::string_view body) const;
  void drop(const std::string& source) const;

  std::optional<MapCheck> check(const std::string& source) const;
  void put_check(const std::string& source, const MapCheck& check) const;

  const std::filesystem::path& directory() const { return directory_; }

 private:
  std::filesystem::path path(const std::string& source, const char* suffix) const;
  bool write(const std::filesystem::path& to, std::string_view head, std::string_view body) const;

  std::filesystem::path directory_;
};

uint64_t map_bytes_hash(std::string_view bytes);

}  // namespace winnow
