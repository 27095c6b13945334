// Folded text: what a pattern should see where the sender hides what a reader sees. A scope of
// its own, and the same function folds the literals of the patterns that look there.
//
//   1. each code point through one table (fold_table.inc, made from ICU's data): case folded,
//      NFKC, diacritics off, look-alikes (UTS #39) as the ASCII letters they look like, dashes
//      and quotation marks ASCII, zero-width, soft hyphens and bidi controls gone;
//   2. single letters spaced out by single blanks, dots, dashes, underscores or asterisks
//      ("v i a g r a", "V.I.A.G.R.A", at least three) joined, where whole tokens on both sides;
//   3. runs of blanks and line breaks one blank, none at the ends.
// Digits that stand for letters (v1agra) are not mapped: "10" would no longer be a number.
// Greek and Cyrillic letters without an ASCII look-alike stay; their words come out mixed, in
// texts and in literals alike. Linear; the result is valid UTF-8.
#pragma once

#include <string_view>

#include "engine/arena.h"

namespace winnow {

// The folded `utf8`, in `arena`. REQUIRED: valid UTF-8. Folding folded text changes nothing but
// spacing that step 2 newly sees.
std::string_view fold_text(std::string_view utf8, Arena& arena);

// Step 1 alone (host names, local parts): the ASCII skeleton of `utf8`.
void skeleton(std::string_view utf8, ArenaText& out);

}  // namespace winnow
