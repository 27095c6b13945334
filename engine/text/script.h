// What kind of character a code point is: script, and the class that word boundaries (UAX #29)
// and normalised words need. Three bytes each for the BMP, filled from ICU once per process; code
// points beyond go to ICU's tries.
#pragma once

#include <cstdint>
#include <string_view>

namespace winnow {

enum class Script : uint8_t {
  kCommon,
  kLatin,
  kGreek,
  kCyrillic,
  kArmenian,
  kHebrew,
  kArabic,
  kSyriac,
  kThaana,
  kDevanagari,
  kBengali,
  kGurmukhi,
  kGujarati,
  kOriya,
  kTamil,
  kTelugu,
  kKannada,
  kMalayalam,
  kSinhala,
  kThai,
  kLao,
  kTibetan,
  kMyanmar,
  kGeorgian,
  kHangul,
  kEthiopic,
  kCherokee,
  kKhmer,
  kMongolian,
  kHan,
  kHiragana,
  kKatakana,
  kOther,
  kCount
};

// "Latin", "Cyrillic", ... by ISO 15924's English names.
std::string_view script_name(Script script);

// Word boundary class, as far as we need it.
enum class WordClass : uint8_t {
  kBreak,       // blanks, punctuation, symbols: never part of a word
  kLetter,      // ALetter, Hebrew_Letter
  kDigit,       // Numeric
  kConnector,   // ExtendNumLet: _
  kExtend,      // marks, format characters, joiners: part of what stands before
  kMidLetter,   // : · between letters
  kMidNumber,   // , ; between digits
  kMidBoth,     // . ' between either
  kDictionary,  // Han, kana, Thai, Lao, Khmer, Myanmar: ICU decides
  kSymbol,      // currency and maths: a word of its own if currency begins it
};

enum class CharBit : uint8_t {
  kStart = 1,   // may begin a word: letter, decimal digit, mark, connector, currency
  kNormal = 2,  // kept in normalised words: letters, marks, digits, connectors, maths, currency
  kUnseen = 4,  // zero-width or bidi control (soft hyphen is not one)
  kEmoji = 8,
  kUpper = 16,
  kAlpha = 32,   // any letter
  kNumber = 64,  // decimal digit
  kBidi = 128,   // bidi embedding, override or isolate
};

struct CharInfo {
  WordClass word;
  Script script;
  uint8_t bits;  // CharBit
  bool is(CharBit bit) const { return bits & static_cast<uint8_t>(bit); }
};

namespace detail {
const CharInfo* bmp();  // [0x10000], filled at the first call
CharInfo info_beyond(uint32_t point);
}  // namespace detail

// The table, fetched once by each function that loops over text.
class CharTable {
 public:
  CharTable() : bmp_(detail::bmp()) {}
  CharInfo operator[](uint32_t point) const {
    return point < 0x10000 ? bmp_[point] : detail::info_beyond(point);
  }

 private:
  const CharInfo* bmp_;
};

}  // namespace winnow
