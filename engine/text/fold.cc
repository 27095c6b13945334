#include "engine/text/fold.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "engine/bytes16.h"
#include "engine/text/script.h"
#include "engine/text/utf8.h"

namespace winnow {

namespace {

struct FoldRun {
  uint32_t first;
  std::string_view results;
};
constexpr FoldRun kRuns[] = {
#include "engine/text/fold_table.inc"
};

constexpr uint32_t kPoints = 0x20000;
constexpr size_t kGrowthMax = 9;  // result bytes a source byte: 18 for two bytes at most
constexpr size_t kPiece = 512;    // bytes folded between two looks at the room

// Pages of 256 code points; pages that change nothing share page 0. An entry: length in the low
// byte, offset of the result in `pool` above it; kSame = itself.
class FoldTable {
 public:
  static constexpr uint32_t kSame = 0xFFFFFFFF;

  FoldTable() {
    for (const FoldRun& run : kRuns) add_run(run);
  }
  uint32_t entry(uint32_t point) const {
    if (point >= kPoints) return point >= 0xE0000 && point < 0xE1000 ? 0 : kSame;
    const uint16_t page = pages_[point >> 8];
    return page == 0 ? kSame : entries_[(page - 1) * 256 + (point & 0xFF)];
  }
  const char* result(uint32_t entry) const { return pool_.data() + (entry >> 8); }

 private:
  void add_run(const FoldRun& run) {
    uint32_t point = run.first;
    for (std::string_view rest = run.results; !rest.empty(); ++point) {
      const size_t end = std::min(rest.find(' '), rest.size());
      add(point, rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  void add(uint32_t point, std::string_view result) {
    if (result == "I") return;
    if (result == "S") result = " ";
    if (result == "D") result = "";
    uint16_t& page = pages_[point >> 8];
    if (page == 0) {
      entries_.resize(entries_.size() + 256, kSame);
      page = static_cast<uint16_t>(entries_.size() / 256);
    }
    if (result.size() > 2 * kGrowthMax) return;
    const auto offset = static_cast<uint32_t>(pool_.size());
    pool_.insert(pool_.end(), result.begin(), result.end());
    entries_[(page - 1) * 256u + (point & 0xFF)] =
        offset << 8 | static_cast<uint32_t>(result.size());
  }

  std::array<uint16_t, kPoints / 256> pages_{};
  std::vector<uint32_t> entries_;
  std::vector<char> pool_;
};

const FoldTable& fold_table() {
  static const FoldTable table;
  return table;
}

constexpr std::array<bool, 256> kLowerOrDigit = [] {
  std::array<bool, 256> table{};
  for (unsigned c = 'a'; c <= 'z'; ++c) table[c] = true;
  for (unsigned c = '0'; c <= '9'; ++c) table[c] = true;
  return table;
}();
bool lower_or_digit(char c) { return kLowerOrDigit[static_cast<uint8_t>(c)]; }
bool blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool high(char c) { return static_cast<uint8_t>(c) >= 0x80; }
bool separates(char c) { return blank(c) || c == '.' || c == '-' || c == '_' || c == '*'; }

char* fold_ascii(const char* at, const char* end, char* to) {
  for (; at != end; ++at) {
    const char c = *at;
    *to = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    to += c >= ' ' ? c != 0x7F : blank(c);
  }
  return to;
}

// The same, sixteen at a time where no control character is to be dropped.
char* fold_ascii_blocks(const char* at, const char* end, char* to) {
  using namespace bytes16;
  for (; end - at >= 16; at += 16) {
    const __m128i block = load(at);
    const __m128i control = any(_mm_cmplt_epi8(block, _mm_set1_epi8(' ')), is(block, 0x7F));
    if (mask(_mm_andnot_si128(within(block, '\t', '\r'), control)) != 0) {
      to = fold_ascii(at, at + 16, to);
      continue;
    }
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), lowered(block));
    to += 16;
  }
  return fold_ascii(at, end, to);
}

// Writes step 1 of `text` at `to`, which has room for kGrowthMax bytes a byte; returns the end.
// Control characters but blanks are dropped.
char* fold_points(const FoldTable& table, std::string_view text, char* to) {
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    const size_t plain = ascii_prefix({at, static_cast<size_t>(end - at)});
    to = fold_ascii_blocks(at, at + plain, to);
    at += plain;
    while (at != end && high(*at)) {
      const char* from = at;
      const uint32_t entry = table.entry(next_point(at));
      const size_t size = entry == FoldTable::kSame ? static_cast<size_t>(at - from) : entry & 0xFF;
      std::memcpy(to, entry == FoldTable::kSame ? from : table.result(entry), size);
      to += size;
    }
  }
  return to;
}

// Length of the letter at `at`, 0 if none stands there.
size_t letter_at(const CharTable& chars, const char* at, const char* end) {
  if (at == end) return 0;
  if (!high(*at)) return *at >= 'a' && *at <= 'z';
  const char* next = at;
  const CharInfo info = chars[next_point(next)];
  // Scripts that write words without blanks, or syllables, are not spaced-out letters.
  const bool alphabet = info.script == Script::kLatin || info.script == Script::kGreek ||
                        info.script == Script::kCyrillic || info.script == Script::kArmenian;
  return alphabet && info.is(CharBit::kAlpha) ? static_cast<size_t>(next - at) : 0;
}

bool part_of_word(const CharTable& chars, const char* at, const char* end) {
  if (at == end) return false;
  if (!high(*at)) return lower_or_digit(*at);
  const char* next = at;
  const CharInfo info = chars[next_point(next)];
  return info.is(CharBit::kAlpha) || info.is(CharBit::kNumber);
}

// The end of the spaced-out word at `at` (after its last letter), or null. Reads at most three
// letters, or one, that are then not joined.
const char* spaced_end(const CharTable& chars, const char* at, const char* end) {
  const char* last = nullptr;
  for (size_t letters = 0;; ++letters) {
    const size_t size = letter_at(chars, at, end);
    // A letter that begins a longer word is not one of them.
    if (size == 0 || part_of_word(chars, at + size, end)) return letters < 3 ? nullptr : last;
    last = at + size;
    if (last == end || !separates(*last)) return letters < 2 ? nullptr : last;
    at = last + 1;
  }
}

// Copies the letters of [at, end) to `to` (which may overlap, not ahead); returns the new end.
char* join(const char* at, const char* end, char* to) {
  for (;;) {
    const char* next = at;
    next_point(next);
    while (at != next) *to++ = *at++;
    if (at == end) return to;
    ++at;  // the separator
  }
}

// Copies blocks of sixteen ASCII characters in which nothing is to be undone: no blank follows a
// blank, no word of one letter stands before a separator, a letter and another separator, as the
// first of a spaced-out word does. Reads 19 bytes. `in_word` and what was written last are as
// undo_spacing() has them, before and after.
void copy_plain_blocks(const char*& at, const char* end, char*& to, const char* begin,
                       bool& in_word) {
  using namespace bytes16;
  unsigned word_before = in_word;
  unsigned blank_before = to == begin || to[-1] == ' ';
  while (end - at >= 19) {
    const __m128i block = load(at);
    const __m128i second = load(at + 2);
    const auto is_blank = [](__m128i bytes) {
      return any(is(bytes, ' '), within(bytes, '\t', '\r'));
    };
    const auto separate = [&](__m128i bytes) {
      const __m128i marks =
          any(any(is(bytes, '.'), is(bytes, '-')), any(is(bytes, '_'), is(bytes, '*')));
      return mask(any(marks, is_blank(bytes)));
    };
    const __m128i blank_bytes = is_blank(block);
    const unsigned blanks = mask(blank_bytes);
    const unsigned letters = mask(within(block, 'a', 'z'));
    const unsigned words = letters | mask(within(block, '0', '9'));
    const unsigned lone =
        letters & ~(words << 1 | word_before) & separate(load(at + 1)) &
        (mask(second) | (mask(within(second, 'a', 'z')) & separate(load(at + 3))));
    if ((mask(block) | lone | (blanks & (blanks << 1 | blank_before))) != 0) break;
    const __m128i kept = _mm_andnot_si128(blank_bytes, block);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to),
                     any(kept, _mm_and_si128(blank_bytes, _mm_set1_epi8(' '))));
    at += 16;
    to += 16;
    word_before = words >> 15 & 1;
    blank_before = blanks >> 15 & 1;
  }
  in_word = word_before != 0;
}

// Steps 2 and 3, in place: what is written never overtakes what is read.
char* undo_spacing(char* begin, const char* end) {
  const CharTable chars;
  const char* at = begin;
  const char* retry = begin;  // from where blocks are worth another look
  char* to = begin;
  bool in_word = false;
  while (at != end) {
    if (at >= retry) {
      copy_plain_blocks(at, end, to, begin, in_word);
      retry = at + 16;
    }
    if (blank(*at)) {
      while (at != end && blank(*at)) ++at;
      if (to != begin && to[-1] != ' ') *to++ = ' ';
      in_word = false;
      continue;
    }
    if (in_word) {  // the rest of a word, copied as it is
      if (!high(*at)) {
        while (at != end && lower_or_digit(*at)) *to++ = *at++;
        in_word = at != end && high(*at);
      } else {
        const char* next = at;
        const CharInfo info = chars[next_point(next)];
        in_word = info.is(CharBit::kAlpha) || info.is(CharBit::kNumber);
        while (at != next) *to++ = *at++;
      }
      continue;
    }
    // Only a letter followed by a separator can begin a spaced-out word.
    const size_t size = letter_at(chars, at, end);
    if (size != 0 && at + size != end && separates(at[size])) {
      if (const char* after = spaced_end(chars, at, end)) {
        to = join(at, after, to);
        at = after;
        in_word = true;
        continue;
      }
    }
    in_word = part_of_word(chars, at, end);
    const char* next = at;
    next_point(next);
    while (at != next) *to++ = *at++;
  }
  return to != begin && to[-1] == ' ' ? to - 1 : to;
}

// Calls use(piece) for pieces of at most kPiece bytes that end between code points.
template <class Use>
void each_piece(std::string_view text, Use use) {
  while (text.size() > kPiece) {
    size_t cut = kPiece;
    while ((static_cast<uint8_t>(text[cut]) & 0xC0) == 0x80) --cut;
    use(text.substr(0, cut));
    text.remove_prefix(cut);
  }
  use(text);
}

}  // namespace

void skeleton(std::string_view utf8, ArenaText& out) {
  each_piece(utf8, [&](std::string_view piece) {
    char* to = out.tail(piece.size() * kGrowthMax);
    out.commit(static_cast<size_t>(fold_points(fold_table(), piece, to) - to));
  });
}

std::string_view fold_text(std::string_view utf8, Arena& arena) {
  ArenaText out(arena, utf8.size() + kPiece * kGrowthMax);  // hardly any text grows
  skeleton(utf8, out);
  char* const end = out.tail(0);
  char* const begin = end - out.size();
  out.truncate(static_cast<size_t>(undo_spacing(begin, end) - begin));
  return out.finish();
}

}  // namespace winnow
