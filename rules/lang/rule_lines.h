// Rules as lines, as maps of multimap's type regexp_rules hold them: the patterns of SpamAssassin's
// language (facts/semantics.md "multimap"), each made into an expression of regexp rules.
//
//   line   := "header" NAME field ("=~" | "!~") REGEXP [ "[if-unset:" text "]" ]
//           | "header" NAME "exists:" HEADER
//           | ("body" | "rawbody" | "uri" | "full") NAME REGEXP
//           | "meta" NAME expression
//           | "score" NAME number { number }          the first counts
//           | "describe" NAME text
//   field  := HEADER [ ":raw" ] | "ALL"
// "#" at the beginning of a line or after a blank starts a comment, but not in a REGEXP. A name
// that begins with "__" is a part of others and no symbol.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/result.h"

namespace winnow {

struct RuleLine {
  enum class Kind : uint8_t { kNothing, kPattern, kMeta, kScore, kDescription };
  Kind kind = Kind::kNothing;  // kNothing: empty, or a comment
  std::string name;
  std::string text;  // an expression of regexp rules; a description
  double score = 0;

  bool is_part() const { return name.starts_with("__"); }
};

// Errors say what of the line is not known or broken.
Result<RuleLine> parse_rule_line(std::string_view line);

}  // namespace winnow
