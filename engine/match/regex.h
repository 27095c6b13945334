// One PCRE2 pattern: the exact matcher that confirms, counts and locates what the databases
// found, stands in for them while they are being built, and serves places that have a single
// pattern (maps, function atoms).
//
// Bounds. A run never goes back more than a limit of steps (PCRE2 match limit, which counts from
// each starting position anew); together with the bytes given it bounds the work of one run.
// Newline is LF alone and \R any line end, independent of how the library was built.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "engine/limits.h"
#include "engine/result.h"

namespace winnow {

enum class Find : uint8_t { kNone, kFound, kLimit };

struct RegexMatch {
  size_t begin = 0;
  size_t end = 0;
};

// What one thread needs to run patterns: made once, used for any number of them.
class RegexScratch {
 public:
  explicit RegexScratch(const Limits& limits = {});
  ~RegexScratch();
  RegexScratch(RegexScratch&&) noexcept;
  RegexScratch& operator=(RegexScratch&&) noexcept;

 private:
  friend class Regex;
  struct State;
  std::unique_ptr<State> state_;
};

// An immutable compiled pattern; copies share it. Threads may run it at once, each with a scratch.
class Regex {
 public:
  Regex() = default;
  // flags: PatternFlag bits. Error.column is the 1-based byte of the pattern where it breaks.
  static Result<Regex> compile(std::string_view pattern, uint32_t flags);
  // Translates to machine code where the CPU and the library can. REQUIRED: before other threads
  // see the pattern.
  void jit();
  bool valid() const { return code_ != nullptr; }

  // First match at or after `from`. `match` may be null. REQUIRED: a UTF pattern gets valid UTF-8.
  Find find(RegexScratch& scratch, std::string_view text, size_t from = 0,
            RegexMatch* match = nullptr) const;
  // find() in any bytes: a pattern that reads code points matches in valid UTF-8 alone.
  Find find_in_bytes(RegexScratch& scratch, std::string_view text,
                     RegexMatch* match = nullptr) const;
  // Is there a match? Tries PCRE2's other algorithm, which never goes back, where find() met the
  // step limit. Only for patterns without back-references.
  Find test_without_backtracking(RegexScratch& scratch, std::string_view text) const;
  // Matches that do not overlap, at most `max`; an empty match counts and the next search starts
  // one character further. `limited` is set where the step limit cut the count.
  uint32_t count(RegexScratch& scratch, std::string_view text, uint32_t max, bool& limited) const;
  // Bytes of compiled code, for memory accounts.
  size_t bytes() const;

 private:
  struct Code;
  std::shared_ptr<const Code> code_;
  bool utf_ = false;
};

// "10.42 2022-12-11": part of the identity of a rule set.
std::string_view regex_library_version();

}  // namespace winnow
