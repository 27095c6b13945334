// NFKC and lower case, with ICU only for the few code points that need it.
//
// A code point is *plain* if NFKC and lower-casing make exactly one BMP code point of it that
// nothing after it can change (combining class 0, never second in a composition). A run between
// ASCII characters that has only plain code points is mapped one by one through a table; any
// other run goes to ICU whole, cut at kNormaliseRun code units, so that a hostile run of marks
// stays linear. ASCII is a boundary before which nothing composes, so runs are independent.
// Lower case is per code point (no context, no locale): final sigma stays sigma.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/arena.h"

namespace winnow {

constexpr size_t kNormaliseRun = 1024;

// Appends NFKC, lower case of `utf8`. REQUIRED: valid UTF-8. The result is valid UTF-8.
void normalise(std::string_view utf8, ArenaText& out);

// The same, keeping only letters, marks, digits, connectors, maths and currency (CharBit::kNormal).
void normalise_word(std::string_view utf8, ArenaText& out);

}  // namespace winnow
