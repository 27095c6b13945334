// Subjects that shout or do not end.
#include <algorithm>
#include <array>

#include "engine/text/script.h"
#include "engine/text/utf8.h"
#include "rules/checks/check.h"
#include "rules/checks/text.h"

namespace winnow {

namespace {

enum Sym : uint32_t { kAllCaps, kLong, kCount };

constexpr std::array<SymbolDecl, kCount> kSymbols{{
    {"SUBJ_ALL_CAPS", "subject", 3, "The Subject has no small letter."},
    {"LONG_SUBJ", "subject", 3, "The Subject is longer than 200 characters."},
}};

constexpr uint32_t kLongFrom = 200;

// Reply and forward prefixes cut, as often as they stand.
std::string_view without_prefixes(std::string_view text) {
  constexpr std::array<std::string_view, 10> kPrefixes{
      "re:", "fwd:", "fw:", "aw:", "antw:", "sv:", "vs:", "odp:", "rv:", "wg:"};
  for (bool again = true; again;) {
    again = false;
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    for (const std::string_view prefix : kPrefixes)
      if (starts_caseless(text, prefix)) {
        text.remove_prefix(prefix.size());
        again = true;
      }
  }
  return text;
}

struct Letters {
  uint32_t characters = 0;
  bool upper = false;
  bool other = false;  // a letter that is not a capital
};

Letters look(std::string_view text) {
  const CharTable table;
  Letters letters;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    const CharInfo info = table[next_point(at)];
    ++letters.characters;
    if (info.is(CharBit::kUpper))
      letters.upper = true;
    else if (info.is(CharBit::kAlpha))
      letters.other = true;
  }
  return letters;
}

void content(const CheckPlan& plan, Batch& batch) {
  for (uint32_t row = 0; row < batch.rows; ++row) {
    const uint32_t index = batch.facts[row].subject;
    if (index == kNoIndex) continue;
    const std::string_view subject = without_prefixes(batch.headers.row(row)[index].decoded);
    const Letters letters = look(subject);
    const std::string_view count = number_text(batch.arena, letters.characters);
    if (letters.upper && !letters.other)
      insert(plan, batch, row, kAllCaps, count, std::min(letters.characters / 40.0, 1.0));
    if (letters.characters > kLongFrom)
      insert(plan, batch, row, kLong, count, std::min(letters.characters / 400.0, 1.0));
  }
}

}  // namespace

extern constexpr Check kSubjectCheck{
    .name = "subject",
    .text = "Looks for Subjects in capitals and for very long ones.",
    .symbols = kSymbols,
    .content = content,
};

}  // namespace winnow
