#include "engine/text/word_split.h"

#include <unicode/ubrk.h>

#include <array>
#include <bit>

#include "engine/bytes16.h"
#include "engine/text/utf8.h"

namespace winnow {

namespace {

constexpr uint32_t kRawWordMax = 40;

enum AsciiBit : uint8_t { kWord = 1, kUpper = 2, kLetter = 4, kDigit = 8, kHigh = 16 };

constexpr std::array<uint8_t, 256> kAscii = [] {
  std::array<uint8_t, 256> table{};
  for (unsigned c = 'a'; c <= 'z'; ++c) table[c] = kWord | kLetter;
  for (unsigned c = 'A'; c <= 'Z'; ++c) table[c] = kWord | kLetter | kUpper;
  for (unsigned c = '0'; c <= '9'; ++c) table[c] = kWord | kDigit;
  table['_'] = kWord;
  for (unsigned c = 0x80; c < 0x100; ++c) table[c] = kHigh;
  return table;
}();

uint8_t ascii_bits(char c) { return kAscii[static_cast<uint8_t>(c)]; }

constexpr size_t kBlock = 64;

// A bit for each of the 64 bytes at `at`.
struct BlockMasks {
  uint64_t word = 0;    // kWord
  uint64_t letter = 0;  // kLetter
  uint64_t upper = 0;   // kUpper
  uint64_t digit = 0;   // kDigit
  uint64_t high = 0;    // kHigh
  uint64_t dollar = 0;
  uint64_t holds_letters = 0;  // ' .
  uint64_t holds_digits = 0;   // ' . , ;

  explicit BlockMasks(const char* at) {
    using namespace bytes16;
    for (unsigned i = 0; i < kBlock; i += 16) {
      const __m128i bytes = load(at + i);
      const auto put = [&](uint64_t& to, __m128i marks) { to |= uint64_t{mask(marks)} << i; };
      const __m128i all_letters = letters(bytes), digits = within(bytes, '0', '9');
      const __m128i quotes = any(is(bytes, '\''), is(bytes, '.'));
      put(letter, all_letters);
      put(digit, digits);
      put(word, any(any(all_letters, digits), is(bytes, '_')));
      put(upper, within(bytes, 'A', 'Z'));
      put(high, bytes);
      put(dollar, is(bytes, '$'));
      put(holds_letters, quotes);
      put(holds_digits, any(quotes, any(is(bytes, ','), is(bytes, ';'))));
    }
  }
};

bool joins(WordClass c) {
  return c == WordClass::kLetter || c == WordClass::kDigit || c == WordClass::kConnector;
}

class Splitter {
 public:
  Splitter(std::string_view text, uint32_t end, DictionaryScratch& scratch,
           std::vector<WordPiece>& out)
      : base_(text.data()), end_(text.data() + end), scratch_(scratch), out_(out) {}

  // Between two steps `at` is all that there is to know: run() may be told to go on there.
  uint32_t run(uint32_t begin, size_t enough) {
    const char* at = base_ + begin;
    const char* retry = at;  // from where a block is worth another look
    while (at != end_ && out_.size() < enough) {
      if (at >= retry && static_cast<size_t>(end_ - at) >= kBlock) {
        const char* const next = block(at);
        if (next == at) retry = at + kBlock;
        at = next;
        continue;
      }
      const uint8_t bits = ascii_bits(*at);
      if (bits & kWord) {
        at = ascii_word(at);
      } else if (!(bits & kHigh)) {
        if (*at == '$')
          emit(at, at + 1, {}), ++at;
        else
          ++at;
      } else {
        at = other(at);
      }
    }
    return static_cast<uint32_t>(at - base_);
  }

 private:
  // The words among the 64 bytes at `at` whose ends can be told from those bytes, as run() finds
  // them one by one. Returns where to go on: `at` itself if the first word is none of them.
  const char* block(const char* at) {
    const BlockMasks masks(at);
    // Bytes of which the next one is known and ASCII, too: there a word's end is for sure.
    const auto ascii = static_cast<uint32_t>(std::countr_zero(masks.high));
    const uint32_t sure = ascii == 0 ? 0 : ascii - 1;
    const uint64_t holds = (masks.holds_letters & masks.letter << 1 & masks.letter >> 1) |
                           (masks.holds_digits & masks.digit << 1 & masks.digit >> 1);
    for (uint64_t starts = (masks.word & ~(masks.word << 1)) | masks.dollar; starts != 0;) {
      const auto first = static_cast<uint32_t>(std::countr_zero(starts));
      if (first >= sure) break;
      starts &= starts - 1;
      if (masks.dollar >> first & 1) {
        emit(at + first, at + first + 1, {});
        continue;
      }
      const uint32_t size = static_cast<uint32_t>(std::countr_one(masks.word >> first));
      const uint32_t last = first + size;
      if (last >= sure) return at + first;
      if (holds >> last & 1) {
        const char* const next = general_word(at + first);
        if (next >= at + sure) return next;
        starts &= ~uint64_t{0} << (next - at);
        continue;
      }
      const uint64_t within = ((uint64_t{1} << size) - 1) << first;
      WordPiece piece;
      piece.ascii = piece.cased_ascii = true;
      piece.plain_ascii = (masks.upper & within) == 0;
      if (masks.letter & within) piece.script = Script::kLatin;
      emit(at + first, at + last, piece);
    }
    return at + sure;
  }

  // The common word: ASCII only. Falls back to the general rules at the first other byte, and at
  // punctuation that may be inside the word.
  const char* ascii_word(const char* begin) {
    const char* at = begin;
    uint8_t all = 0;
    const char* const stop =
        static_cast<size_t>(end_ - begin) > kWordBytesMax ? begin + kWordBytesMax : end_;
    while (at != stop && (ascii_bits(*at) & kWord)) all |= ascii_bits(*at++);
    if (at != stop && ((ascii_bits(*at) & kHigh) || may_hold(at))) return general_word(begin);
    WordPiece piece;
    piece.ascii = piece.cased_ascii = true;
    piece.plain_ascii = (all & kUpper) == 0;
    if (all & kLetter) piece.script = Script::kLatin;
    emit(begin, at, piece);
    return at;
  }

  // Whether the punctuation at `at` may stand between letters or digits: asks both neighbours.
  bool may_hold(const char* at) const {
    if (*at != '\'' && *at != '.' && *at != ',' && *at != ';') return false;
    const char* next = at + 1;
    if (next == end_) return false;
    const uint8_t before = ascii_bits(at[-1]);
    const uint8_t after = ascii_bits(*next);
    if (after & kHigh) return true;
    const bool letters = (before & kLetter) && (after & kLetter) && (*at == '\'' || *at == '.');
    return letters || ((before & kDigit) && (after & kDigit));
  }

  // A word by the whole rules, from a character that joins. Ends at most kWordBytesMax later.
  const char* general_word(const char* begin) {
    WordPiece piece;
    piece.ascii = true;
    WordClass last = WordClass::kBreak;  // of the last character that is no mark
    const char* at = begin;
    while (at != end_ && static_cast<size_t>(at - begin) < kWordBytesMax) {
      const char* next = at;
      const uint32_t point = next_point(next);
      const CharInfo info = chars_[point];
      if (info.word == WordClass::kExtend) {
        piece.invisible |= info.is(CharBit::kUnseen);
        piece.broken |= point == kReplacement;
      } else if (joins(info.word)) {
        last = info.word;
        if (piece.script == Script::kCommon) piece.script = info.script;
      } else if (!holds(info.word, last, next)) {
        break;
      }
      if (point >= 0x80) piece.ascii = false;
      at = next;
    }
    emit(begin, at, piece);
    return at;
  }

  // Whether a character of class `mid`, after one of class `last`, is inside a word: the next one
  // that is no mark decides. It is looked for in a bounded number of marks.
  bool holds(WordClass mid, WordClass last, const char* next) const {
    const bool letters =
        last == WordClass::kLetter && (mid == WordClass::kMidLetter || mid == WordClass::kMidBoth);
    const bool digits =
        last == WordClass::kDigit && (mid == WordClass::kMidNumber || mid == WordClass::kMidBoth);
    if (!letters && !digits) return false;
    for (int marks = 0; next != end_ && marks < 32; ++marks) {
      const WordClass after = chars_[next_point(next)].word;
      if (after == WordClass::kExtend) continue;
      return (letters && after == WordClass::kLetter) || (digits && after == WordClass::kDigit);
    }
    return false;
  }

  // A character beyond ASCII where no word is open.
  const char* other(const char* at) {
    const char* next = at;
    const CharInfo info = chars_[next_point(next)];
    if (joins(info.word)) return general_word(at);
    if (info.word == WordClass::kDictionary) return dictionary(at);
    if (info.word == WordClass::kSymbol && info.is(CharBit::kStart)) emit(at, next, {});
    return next;
  }

  const char* dictionary(const char* begin) {
    scratch_.units.clear();
    scratch_.offsets.clear();
    const char* at = begin;
    while (at != end_ && scratch_.units.size() + 2 <= kDictionaryUnits) {
      const char* next = at;
      const uint32_t point = next_point(next);
      const WordClass word = chars_[point].word;
      if (word != WordClass::kDictionary && word != WordClass::kExtend) break;
      scratch_.offsets.push_back(static_cast<uint32_t>(at - base_));
      if (point >= 0x10000) {
        scratch_.units.push_back(static_cast<char16_t>(0xD7C0 + (point >> 10)));
        scratch_.units.push_back(static_cast<char16_t>(0xDC00 + (point & 0x3FF)));
        scratch_.offsets.push_back(static_cast<uint32_t>(at - base_));
      } else {
        scratch_.units.push_back(static_cast<char16_t>(point));
      }
      at = next;
    }
    scratch_.offsets.push_back(static_cast<uint32_t>(at - base_));
    split_by_icu();
    return at;
  }

  void split_by_icu() {
    UErrorCode error = U_ZERO_ERROR;
    if (scratch_.iterator == nullptr) {
      scratch_.iterator = ubrk_open(UBRK_WORD, "", nullptr, 0, &error);
    }
    auto* iterator = static_cast<UBreakIterator*>(scratch_.iterator);
    if (iterator == nullptr) return;
    error = U_ZERO_ERROR;
    ubrk_setText(iterator, scratch_.units.data(), static_cast<int32_t>(scratch_.units.size()),
                 &error);
    if (U_FAILURE(error)) return;
    int32_t from = 0;
    for (int32_t to = ubrk_next(iterator); to != UBRK_DONE; from = to, to = ubrk_next(iterator)) {
      const char* begin = base_ + scratch_.offsets[static_cast<size_t>(from)];
      const char* end = base_ + scratch_.offsets[static_cast<size_t>(to)];
      const char* first = begin;
      if (begin == end) continue;
      const CharInfo info = chars_[next_point(first)];
      if (!info.is(CharBit::kStart)) continue;
      WordPiece piece;
      piece.script = info.script;
      for (const char* at = begin; at != end;) {
        const uint32_t point = next_point(at);
        piece.invisible |= chars_[point].is(CharBit::kUnseen);
        piece.broken |= point == kReplacement;
      }
      emit(begin, end, piece);
    }
  }

  void emit(const char* begin, const char* end, WordPiece piece) {
    piece.begin = static_cast<uint32_t>(begin - base_);
    piece.end = static_cast<uint32_t>(end - base_);
    out_.push_back(piece);
  }

  const char* base_;
  const char* end_;
  CharTable chars_;
  DictionaryScratch& scratch_;
  std::vector<WordPiece>& out_;
};

}  // namespace

DictionaryScratch::~DictionaryScratch() {
  if (iterator != nullptr) ubrk_close(static_cast<UBreakIterator*>(iterator));
}

uint32_t split_words(std::string_view text, uint32_t begin, uint32_t end,
                     DictionaryScratch& scratch, std::vector<WordPiece>& out, size_t enough) {
  return Splitter(text, end, scratch, out).run(begin, enough);
}

uint32_t split_raw_words(std::string_view text, uint32_t begin, uint32_t end,
                         std::vector<WordPiece>& out, size_t enough) {
  while (begin < end && out.size() < enough) {
    const uint32_t first = begin;
    uint8_t all = 0;
    while (begin < end && (ascii_bits(text[begin]) & (kWord | kHigh))) {
      all |= ascii_bits(text[begin++]);
    }
    if (begin != first && begin - first <= kRawWordMax) {
      WordPiece piece;
      piece.begin = first;
      piece.end = begin;
      piece.ascii = (all & kHigh) == 0;
      piece.plain_ascii = (all & (kHigh | kUpper)) == 0;
      piece.broken = !piece.ascii;
      if (all & kLetter) piece.script = Script::kLatin;
      out.push_back(piece);
    }
    begin += begin == first;
  }
  return begin;
}

}  // namespace winnow
