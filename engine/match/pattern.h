// One regular expression and the texts it is asked of: what the rule languages hand to the match
// plan. Facts: facts/scoring.md "Regexp rules".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/batch.h"
#include "engine/ids.h"

namespace winnow {

enum class PatternFlag : uint32_t {
  kIgnoreCase = 1,    // i
  kMultiLine = 2,     // m: ^ and $ also at line ends
  kDotAll = 4,        // s: . also matches a newline
  kExtended = 8,      // x: blanks and #comments in the pattern are skipped
  kUtf = 16,          // u: characters are code points; such a pattern sees only valid UTF-8
  kRaw = 32,          // r: bytes, also where the text is UTF-8 (the default; wins over u)
  kUnoptimised = 64,  // O: accepted; the result is the same with and without it
  kLeftmost = 128,    // L: accepted; the result is the same with and without it
  kCountAll = 256,    // A: the value is the number of matches, not just 1
  kTrace = 512,       // T: accepted (Rspamd logs the match; `explain` shows it here)
  kEachText = 1024,   // each text that it matches is a hit of its own (no letter; not of words)
};
constexpr uint32_t bit(PatternFlag flag) { return static_cast<uint32_t>(flag); }

// The bits that change what a pattern matches; the others are hints.
constexpr uint32_t kMeaningFlags = bit(PatternFlag::kIgnoreCase) | bit(PatternFlag::kMultiLine) |
                                   bit(PatternFlag::kDotAll) | bit(PatternFlag::kExtended) |
                                   bit(PatternFlag::kUtf) | bit(PatternFlag::kCountAll) |
                                   bit(PatternFlag::kEachText);

struct PatternSpec {
  std::string regex;                      // without delimiters
  uint32_t flags = 0;                     // PatternFlag bits
  ScopeKind scope = ScopeKind::kNowhere;  // which texts
  HeaderId header = kNoId<HeaderId>;      // kHeader, kRawHeader, kMimeHeader
  uint32_t selector = kNoIndex;           // kSelector: DerivedText::selector
  bool strict_case = false;               // S: the header's name must be written as `name`
  std::string name = {};                  // the header's name as written; a selector's text
};

constexpr bool is_header_scope(ScopeKind scope) {
  return scope == ScopeKind::kHeader || scope == ScopeKind::kRawHeader ||
         scope == ScopeKind::kMimeHeader;
}
constexpr bool is_word_scope(ScopeKind scope) {
  return scope == ScopeKind::kWord || scope == ScopeKind::kRawWord || scope == ScopeKind::kStemWord;
}

// Name of a scope as rules write it in {braces}: "header", "sa_body", "words", ...
std::string_view scope_name(ScopeKind scope);
// Its scope, long names and the one-letter types alike ("H", "header"); kNowhere = no such name.
ScopeKind scope_from_name(std::string_view name);

}  // namespace winnow
