// A built database as bytes, for a cache that may hold anything: a file of another version, half
// a file, another CPU's. What does not check out is an error and is built anew.
//
//   blob    := magic key count refused* payload check
//   magic   := "WNMATCH1"                                     8 bytes
//   key     := the cache key, 32 hex digits                   32 bytes
//   count   := number of refused patterns, u32 little-endian
//   refused := index of a pattern that the library would not take, u32 little-endian
//   payload := serialised database
//   check   := XXH3-64 of all before it, u64 little-endian
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/match/database.h"

namespace winnow {

// Hash over everything the database depends on: patterns, flags, way in, library, CPU features.
std::string blob_key(std::span<const DatabasePattern> patterns, bool joined);

struct LoadedDatabase {
  std::shared_ptr<const Database> database;
  std::vector<uint32_t> refused;
};

std::string write_blob(std::string_view key, const LoadedDatabase& database);
// patterns: how many the group has; an index at or beyond it breaks the blob.
Result<LoadedDatabase> read_blob(std::string_view key, std::string_view bytes, size_t patterns);

}  // namespace winnow
