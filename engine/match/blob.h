// A group of patterns as bytes, for a cache that may hold anything: a file of another version, half
// a file, another CPU's. What does not check out is an error and is built anew. The classes are
// kept with the database because asking the library for them costs more than all else at a start
// (0.3 ms a pattern of 500 bytes).
//
//   blob    := magic key class* count refused* payload check
//   magic   := "WNMATCH2"                                     8 bytes
//   key     := the cache key, 32 hex digits                   32 bytes
//   class   := PatternClass of each member of the group, u8
//   count   := number of refused patterns, u32 little-endian
//   refused := index among those not kAlone that the library would not take, u32 little-endian
//   payload := serialised database; empty where all members are kAlone
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

// Hash over everything that classes and database depend on: the members' patterns and flags (not
// `how`), the way in, the library, CPU features.
std::string blob_key(std::span<const DatabasePattern> members, bool joined);

struct LoadedGroup {
  std::vector<PatternClass> classes;         // of each member
  std::vector<uint32_t> refused;             // indices among those that are not kAlone
  std::shared_ptr<const Database> database;  // null where all are kAlone
};

std::string write_blob(std::string_view key, const LoadedGroup& group);
// members: how many the group has.
Result<LoadedGroup> read_blob(std::string_view key, std::string_view bytes, size_t members);

}  // namespace winnow
