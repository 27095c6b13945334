// Where the database's Unicode is older than PCRE2's. Hyperscan 5.4 folds case by the pairs of
// Unicode 6, PCRE2 10.42 by those of 14, where `в` also is U+1C80 and `ა` also U+1C90. In each pair
// that only PCRE2 knows, one of the two letters is a *new letter*. So both fold alike where neither
// the pattern nor the text has a new letter: a pattern that names one is PCRE2's, and of a text
// that has one PCRE2 is asked each pattern that folds. tests/unit/match/letters_test.cc asks both
// libraries for every letter there is.
#pragma once

#include <cstdint>
#include <string_view>

namespace winnow {

// REQUIRED: valid UTF-8.
bool has_new_letter(std::string_view text);

// Does a pattern fold the case of code points, by its flags or from some place on?
bool folds_letters(std::string_view regex, uint32_t flags);

// Does a pattern of code points name what the two libraries read differently: new letters where
// case is folded, properties, Unicode's own white space (PCRE2 skips it in free spacing), a class
// of POSIX beside a negated one (for PCRE2 [[:^upper:][:lower:]] has no letter over U+00FF)? May
// say yes where they do not differ, never no where they do.
bool differs_by_unicode(std::string_view regex, uint32_t flags);

}  // namespace winnow
