// Counts of a text in one pass: blocks of ASCII are counted in sixteen lanes of eight bits, which
// are emptied before one can overflow; only other characters are looked up.
#include <immintrin.h>

#include <algorithm>
#include <cstring>
#include <iterator>

#include "engine/text/script.h"
#include "engine/text/texts.h"
#include "engine/text/utf8.h"

namespace winnow {

namespace {

// What the bytes of ASCII text count as.
struct AsciiCounts {
  uint32_t letters = 0, capitals = 0, digits = 0, spaces = 0, feeds = 0;

  void add(char c) {
    const bool capital = c >= 'A' && c <= 'Z';
    capitals += capital;
    letters += capital || (c >= 'a' && c <= 'z');
    digits += c >= '0' && c <= '9';
    spaces += c == ' ';
    feeds += c == '\n';
  }
  // At most 255 blocks of sixteen bytes, so that no lane overflows.
  void add_blocks(const char* at, size_t blocks) {
    __m128i lanes[5]{};
    for (; blocks > 0; --blocks, at += 16) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
      const auto all = [](char c) { return _mm_set1_epi8(c); };
      const auto within = [&](__m128i v, char first, char last) {
        return _mm_and_si128(_mm_cmpgt_epi8(v, all(static_cast<char>(first - 1))),
                             _mm_cmplt_epi8(v, all(static_cast<char>(last + 1))));
      };
      lanes[0] = _mm_sub_epi8(lanes[0], within(_mm_or_si128(bytes, all(0x20)), 'a', 'z'));
      lanes[1] = _mm_sub_epi8(lanes[1], within(bytes, 'A', 'Z'));
      lanes[2] = _mm_sub_epi8(lanes[2], within(bytes, '0', '9'));
      lanes[3] = _mm_sub_epi8(lanes[3], _mm_cmpeq_epi8(bytes, all(' ')));
      lanes[4] = _mm_sub_epi8(lanes[4], _mm_cmpeq_epi8(bytes, all('\n')));
    }
    uint32_t* const counts[] = {&letters, &capitals, &digits, &spaces, &feeds};
    for (size_t i = 0; i < std::size(counts); ++i) {
      const __m128i sums = _mm_sad_epu8(lanes[i], _mm_setzero_si128());
      *counts[i] += static_cast<uint32_t>(_mm_cvtsi128_si32(sums)) +
                    static_cast<uint32_t>(_mm_extract_epi16(sums, 4));
    }
  }
};

bool is_letter(char c) {
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'z';
}
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
    AsciiCounts counts;
    size_t at = 0;
    while (run.size() - at >= 16) {
      const size_t blocks = std::min<size_t>((run.size() - at) / 16, 255);
      counts.add_blocks(run.data() + at, blocks);
      at += blocks * 16;
    }
    for (; at < run.size(); ++at) counts.add(run[at]);
    text.letters += counts.letters;
    text.capitals += counts.capitals;
    text.digits += counts.digits;
    text.spaces += counts.spaces;
    feeds += counts.feeds;
    if (run.empty()) return;
    meet_letter(is_letter(run.front()));
    after_letter = is_letter(run.back());
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
