// One regexp of a rule, as Rspamd's configuration writes it.
//
//   atom   := [ NAME "=" ] regexp
//   regexp := delimiter pattern delimiter flags [ type ]
//   type   := "{" name "}" | "$" [ "{" name "}" ]
// Delimiters: "/", or "m" and one of !#%@, or m{...}. A delimiter in the pattern is escaped and
// stays so, as PCRE2 reads an escaped punctuation mark as itself. Flags are i m s x u r O L A T S o
// and the one-letter types H X B R M P Q C D U (facts/scoring.md, "Regexp rules"); what is said
// last wins. Without a type, NAME= looks at that header; Subject=/re/{folded} at the Subject with
// all undone that is undone in folded text.
#pragma once

#include <string_view>

#include "engine/match/pattern.h"
#include "engine/mime/header_names.h"
#include "engine/result.h"

namespace winnow {

// Does `atom` (one of parse_expression's atoms) claim to be a regexp?
bool is_regexp_atom(std::string_view atom);

// Parses a whole atom and compiles its pattern once, so that every error is found here; its column
// is the 1-based byte of the atom. Headers it names are added to `headers`.
Result<PatternSpec> parse_regexp_atom(std::string_view atom, HeaderNames& headers);

// The regexp alone, "/re/flags", of function arguments and maps: no NAME=, no type.
Result<PatternSpec> parse_plain_regexp(std::string_view text);

}  // namespace winnow
