// Counts of a text in one pass: blocks of ASCII are counted in sixteen lanes of eight bits, which
// are emptied before one can overflow; only other characters are looked up.
#include <algorithm>
#include <array>
#include <cstring>

#include "engine/bytes16.h"
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
  // Of `blocks` times sixteen bytes.
  void add_blocks(const char* at, size_t blocks) {
    using namespace bytes16;
    std::array<LaneCount, 5> counts;
    while (blocks > 0) {
      const size_t now = std::min(blocks, LaneCount::kBlocksMax);
      for (const char* const end = at + now * 16; at != end; at += 16) {
        const __m128i bytes = load(at);
        counts[0].add(bytes16::letters(bytes));
        counts[1].add(within(bytes, 'A', 'Z'));
        counts[2].add(within(bytes, '0', '9'));
        counts[3].add(is(bytes, ' '));
        counts[4].add(is(bytes, '\n'));
      }
      for (LaneCount& count : counts) count.flush();
      blocks -= now;
    }
    uint32_t* const to[] = {&letters, &capitals, &digits, &spaces, &feeds};
    for (size_t i = 0; i < counts.size(); ++i) *to[i] += static_cast<uint32_t>(counts[i].total);
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
    const size_t blocks = run.size() / 16;
    counts.add_blocks(run.data(), blocks);
    for (size_t at = blocks * 16; at < run.size(); ++at) counts.add(run[at]);
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
  for (; i + 16 <= text.size(); i += 16) {
    const __m128i both = _mm_and_si128(bytes16::is(bytes16::load(text.data() + i), ' '),
                                       bytes16::is(bytes16::load(text.data() + i - 1), ' '));
    doubles += static_cast<uint32_t>(__builtin_popcount(bytes16::mask(both)));
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
