// Counts of a text in one pass: each ASCII byte adds a word of six packed counters, which is
// emptied before a counter of eight bits can overflow; only other characters are looked up.
#include <immintrin.h>

#include <array>
#include <cstring>

#include "engine/text/script.h"
#include "engine/text/texts.h"
#include "engine/text/utf8.h"

namespace winnow {

namespace {

enum Lane : unsigned { kLetters = 0, kCapitals = 8, kDigits = 16, kSpaces = 24, kFeeds = 32 };

constexpr std::array<uint64_t, 256> kIncrements = [] {
  std::array<uint64_t, 256> table{};
  for (unsigned c = 'a'; c <= 'z'; ++c) table[c] = uint64_t{1} << kLetters;
  for (unsigned c = 'A'; c <= 'Z'; ++c)
    table[c] = uint64_t{1} << kLetters | uint64_t{1} << kCapitals;
  for (unsigned c = '0'; c <= '9'; ++c) table[c] = uint64_t{1} << kDigits;
  table[' '] = uint64_t{1} << kSpaces;
  table['\n'] = uint64_t{1} << kFeeds;
  return table;
}();

bool blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

struct Counter {
  Text& text;
  CharTable chars;
  uint32_t feeds = 0;
  bool bad = false;
  bool seen = false;          // something that is not blank
  bool after_letter = false;  // zero-width characters apart, a Latin, Greek or Cyrillic letter
  bool pending = false;       // zero-width characters since that letter

  void ascii(std::string_view run) {
    for (size_t at = 0; at < run.size();) {
      const size_t stop = std::min(run.size(), at + 255);
      uint64_t sum = 0;
      for (; at < stop; ++at) sum += kIncrements[static_cast<uint8_t>(run[at])];
      const auto lane = [&](Lane shift) { return static_cast<uint32_t>(sum >> shift & 0xFF); };
      text.letters += lane(kLetters);
      text.capitals += lane(kCapitals);
      text.digits += lane(kDigits);
      text.spaces += lane(kSpaces);
      feeds += lane(kFeeds);
    }
    if (run.empty()) return;
    meet_letter(kIncrements[static_cast<uint8_t>(run.front())] & 0xFF);
    after_letter = kIncrements[static_cast<uint8_t>(run.back())] & 0xFF;
    for (size_t i = 0; !seen && i < run.size(); ++i) seen = !blank(run[i]);
  }

  // A character that is no zero-width one: what hides between it and a letter before it is bad.
  void meet_letter(bool letter) {
    if (pending && after_letter && letter) bad = true;
    pending = false;
    after_letter = letter;
  }

  void point(uint32_t code) {
    const CharInfo info = chars[code];
    ++text.non_ascii;
    text.letters += info.is(CharBit::kAlpha);
    text.capitals += info.is(CharBit::kUpper);
    text.digits += info.is(CharBit::kNumber);
    if (info.is(CharBit::kUnseen)) {
      text.flags |= static_cast<uint16_t>(TextFlag::kZeroWidth);
      pending = true;
      if (info.is(CharBit::kBidi)) bad = true;
      return;
    }
    if (code == kReplacement) bad = true;
    if (info.is(CharBit::kEmoji)) text.flags |= static_cast<uint16_t>(TextFlag::kEmoji);
    if (code != 0xA0 && code != 0xAD && code != 0x3000) seen = true;
    const bool alphabet = info.script == Script::kLatin || info.script == Script::kGreek ||
                          info.script == Script::kCyrillic;
    meet_letter(alphabet && info.is(CharBit::kAlpha));
  }
};

// Blanks that follow a blank: each byte and the one before it, sixteen pairs at a time.
uint32_t double_spaces(std::string_view text) {
  uint32_t doubles = 0;
  size_t i = 1;
  const __m128i space = _mm_set1_epi8(' ');
  for (; i + 16 <= text.size(); i += 16) {
    const auto* const at = reinterpret_cast<const __m128i*>(text.data() + i);
    const auto* const before = reinterpret_cast<const __m128i*>(text.data() + i - 1);
    const __m128i both = _mm_and_si128(_mm_cmpeq_epi8(_mm_loadu_si128(at), space),
                                       _mm_cmpeq_epi8(_mm_loadu_si128(before), space));
    doubles +=
        static_cast<uint32_t>(__builtin_popcount(static_cast<unsigned>(_mm_movemask_epi8(both))));
  }
  for (; i < text.size(); ++i) doubles += text[i] == ' ' && text[i - 1] == ' ';
  return doubles;
}

// Lines that hold nothing but blanks, and blanks that follow a blank.
void count_layout(Text& text, uint32_t feeds) {
  const std::string_view plain = text.plain;
  text.lines = feeds + (!plain.empty() && plain.back() != '\n');
  const char* at = plain.data();
  const char* const end = at + plain.size();
  while (at != end) {
    const auto* feed =
        static_cast<const char*>(std::memchr(at, '\n', static_cast<size_t>(end - at)));
    const char* const stop = feed == nullptr ? end : feed;
    const char* first = at;
    while (first != stop && blank(*first)) ++first;
    text.empty_lines += first == stop;
    at = feed == nullptr ? end : feed + 1;
  }
  text.double_spaces = double_spaces(plain);
}

}  // namespace

bool count_text(Text& text) {
  Counter counter{text, {}};
  const char* at = text.plain.data();
  const char* const end = at + text.plain.size();
  while (at != end) {
    const size_t ascii = ascii_prefix({at, static_cast<size_t>(end - at)});
    counter.ascii({at, ascii});
    at += ascii;
    while (at != end && static_cast<uint8_t>(*at) >= 0x80) counter.point(next_point(at));
  }
  count_layout(text, counter.feeds);
  if (!counter.seen) text.flags |= static_cast<uint16_t>(TextFlag::kEmpty);
  return counter.bad;
}

}  // namespace winnow
