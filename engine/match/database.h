// One Hyperscan database: the patterns of one group, compiled for block mode and this CPU. The
// only place that names the library.
//
// What the library is asked. Only *whether* a pattern matches (single-match mode), never where:
// its matches overlap and have no start. Two ways in:
//   whole    the text is one item; flags as written, plus ALLOWEMPTY
//   joined   the text is many short items separated by newlines (words); every pattern is
//            compiled MULTILINE without single-match mode, so that ^ and $ hold at each item and
//            every match end is seen. Matches may cross items: each is only a candidate.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/match/pattern.h"
#include "engine/result.h"

struct hs_database;
struct hs_scratch;

namespace winnow {

// How a pattern is answered.
enum class PatternClass : uint8_t {
  kExact,      // the database's answer is final
  kPrefilter,  // the database's answer is a superset: PCRE2 confirms
  kAlone,      // PCRE2 only
};

// Decided by the pattern alone, so that it is the same with and without databases.
PatternClass classify(const PatternSpec& spec);

struct DatabasePattern {
  std::string_view regex;
  uint32_t flags;  // PatternFlag bits
  PatternClass how;
};

// Working memory of the library: one a thread, large enough for every database it was grown by.
class DatabaseScratch {
 public:
  DatabaseScratch() = default;
  ~DatabaseScratch();
  DatabaseScratch(DatabaseScratch&& from) noexcept { std::swap(state_, from.state_); }
  DatabaseScratch& operator=(DatabaseScratch&& from) noexcept {
    std::swap(state_, from.state_);
    return *this;
  }
  DatabaseScratch clone() const;
  size_t bytes() const;

 private:
  friend class Database;
  ::hs_scratch* state_ = nullptr;
};

class Database {
 public:
  // Receives the index of a pattern and the end of its match in bytes.
  using OnMatch = void (*)(void* context, uint32_t pattern, size_t end);

  // Compiles `patterns`; takes seconds for thousands. What the library refuses only when it
  // compiles (too large) is left out and named in `refused`; its index is never reported.
  static Result<std::shared_ptr<const Database>> compile(std::span<const DatabasePattern> patterns,
                                                         bool joined,
                                                         std::vector<uint32_t>& refused);
  // From serialise(); an error where the bytes do not fit this library or CPU.
  static Result<std::shared_ptr<const Database>> deserialise(std::string_view bytes);
  std::string serialise() const;

  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  void grow(DatabaseScratch& scratch) const;
  // REQUIRED: `scratch` was grown by this database or is a clone of one that was; a database with
  // UTF patterns gets valid UTF-8.
  void scan(DatabaseScratch& scratch, std::string_view text, OnMatch on_match, void* context) const;
  size_t bytes() const;

 private:
  Database() = default;
  ::hs_database* state_ = nullptr;
};

// Version of the library and the CPU features it compiles for: a database fits only its own.
std::string database_platform();
std::string_view database_library_version();

}  // namespace winnow
