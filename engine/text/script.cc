#include "engine/text/script.h"

#include <unicode/uchar.h>
#include <unicode/uscript.h>

#include <array>
#include <memory>

namespace winnow {

namespace {

constexpr std::array<std::string_view, static_cast<size_t>(Script::kCount)> kNames = {
    "Common",    "Latin",   "Greek",      "Cyrillic",  "Armenian", "Hebrew",   "Arabic",
    "Syriac",    "Thaana",  "Devanagari", "Bengali",   "Gurmukhi", "Gujarati", "Oriya",
    "Tamil",     "Telugu",  "Kannada",    "Malayalam", "Sinhala",  "Thai",     "Lao",
    "Tibetan",   "Myanmar", "Georgian",   "Hangul",    "Ethiopic", "Cherokee", "Khmer",
    "Mongolian", "Han",     "Hiragana",   "Katakana",  "Other"};

Script script_of(uint32_t point) {
  UErrorCode error = U_ZERO_ERROR;
  switch (uscript_getScript(static_cast<UChar32>(point), &error)) {
    case USCRIPT_COMMON:
    case USCRIPT_INHERITED:
    case USCRIPT_UNKNOWN:
      return Script::kCommon;
    case USCRIPT_LATIN:
      return Script::kLatin;
    case USCRIPT_GREEK:
      return Script::kGreek;
    case USCRIPT_CYRILLIC:
      return Script::kCyrillic;
    case USCRIPT_ARMENIAN:
      return Script::kArmenian;
    case USCRIPT_HEBREW:
      return Script::kHebrew;
    case USCRIPT_ARABIC:
      return Script::kArabic;
    case USCRIPT_SYRIAC:
      return Script::kSyriac;
    case USCRIPT_THAANA:
      return Script::kThaana;
    case USCRIPT_DEVANAGARI:
      return Script::kDevanagari;
    case USCRIPT_BENGALI:
      return Script::kBengali;
    case USCRIPT_GURMUKHI:
      return Script::kGurmukhi;
    case USCRIPT_GUJARATI:
      return Script::kGujarati;
    case USCRIPT_ORIYA:
      return Script::kOriya;
    case USCRIPT_TAMIL:
      return Script::kTamil;
    case USCRIPT_TELUGU:
      return Script::kTelugu;
    case USCRIPT_KANNADA:
      return Script::kKannada;
    case USCRIPT_MALAYALAM:
      return Script::kMalayalam;
    case USCRIPT_SINHALA:
      return Script::kSinhala;
    case USCRIPT_THAI:
      return Script::kThai;
    case USCRIPT_LAO:
      return Script::kLao;
    case USCRIPT_TIBETAN:
      return Script::kTibetan;
    case USCRIPT_MYANMAR:
      return Script::kMyanmar;
    case USCRIPT_GEORGIAN:
      return Script::kGeorgian;
    case USCRIPT_HANGUL:
      return Script::kHangul;
    case USCRIPT_ETHIOPIC:
      return Script::kEthiopic;
    case USCRIPT_CHEROKEE:
      return Script::kCherokee;
    case USCRIPT_KHMER:
      return Script::kKhmer;
    case USCRIPT_MONGOLIAN:
      return Script::kMongolian;
    case USCRIPT_HAN:
      return Script::kHan;
    case USCRIPT_HIRAGANA:
      return Script::kHiragana;
    case USCRIPT_KATAKANA:
      return Script::kKatakana;
    default:
      return Script::kOther;
  }
}

WordClass word_class(uint32_t point, Script script, int8_t category) {
  const auto c = static_cast<UChar32>(point);
  if (script == Script::kHan || script == Script::kHiragana || script == Script::kKatakana) {
    return WordClass::kDictionary;
  }
  const bool mark = U_MASK(category) & U_GC_M_MASK;
  if (u_getIntPropertyValue(c, UCHAR_LINE_BREAK) == U_LB_COMPLEX_CONTEXT && !mark) {
    return WordClass::kDictionary;
  }
  if (point == 0x200B) return WordClass::kExtend;  // zero width space hides, it does not part
  switch (u_getIntPropertyValue(c, UCHAR_WORD_BREAK)) {
    case U_WB_ALETTER:
    case U_WB_HEBREW_LETTER:
      return WordClass::kLetter;
    case U_WB_NUMERIC:
      return WordClass::kDigit;
    case U_WB_EXTENDNUMLET:
      return WordClass::kConnector;
    case U_WB_EXTEND:
    case U_WB_FORMAT:
    case U_WB_ZWJ:
      return WordClass::kExtend;
    case U_WB_MIDLETTER:
      return point == ':' ? WordClass::kBreak : WordClass::kMidLetter;
    case U_WB_MIDNUM:
      return WordClass::kMidNumber;
    case U_WB_MIDNUMLET:
    case U_WB_SINGLE_QUOTE:
      return WordClass::kMidBoth;
    case U_WB_KATAKANA:
      return WordClass::kDictionary;
    default:
      break;
  }
  if (U_MASK(category) & (U_GC_L_MASK | U_GC_NL_MASK)) return WordClass::kLetter;
  if (U_MASK(category) & (U_GC_SC_MASK | U_GC_SM_MASK)) return WordClass::kSymbol;
  return WordClass::kBreak;
}

bool unseen(uint32_t point) {
  return (point >= 0x200B && point <= 0x200F) || (point >= 0x202A && point <= 0x202E) ||
         (point >= 0x2060 && point <= 0x2069) || point == 0xFEFF || point == 0x180E ||
         point == 0x115F || point == 0x1160 || point == 0x3164 || point == 0xFFA0 ||
         (point >= 0xE0000 && point < 0xE0080);
}

CharInfo compute(uint32_t point) {
  const auto c = static_cast<UChar32>(point);
  const int8_t category = u_charType(c);
  const uint32_t mask = U_MASK(category);
  CharInfo info{};
  info.script = script_of(point);
  info.word = word_class(point, info.script, category);
  const auto add = [&](CharBit bit, bool on) {
    if (on) info.bits |= static_cast<uint8_t>(bit);
  };
  const uint32_t word_mask = U_GC_L_MASK | U_GC_N_MASK | U_GC_M_MASK | U_GC_PC_MASK | U_GC_SC_MASK;
  add(CharBit::kStart, (mask & word_mask & ~U_GC_NO_MASK) && !unseen(point));
  add(CharBit::kNormal, (mask & (word_mask | U_GC_SM_MASK)) && !unseen(point));
  add(CharBit::kUnseen, unseen(point));
  add(CharBit::kBidi, (point >= 0x202A && point <= 0x202E) || (point >= 0x2066 && point <= 0x2069));
  add(CharBit::kEmoji, point > 0x7F && u_hasBinaryProperty(c, UCHAR_EMOJI_PRESENTATION));
  add(CharBit::kUpper, mask & U_GC_LU_MASK);
  add(CharBit::kAlpha, mask & U_GC_L_MASK);
  add(CharBit::kNumber, mask & U_GC_ND_MASK);
  return info;
}

struct Bmp {
  std::array<CharInfo, 0x10000> infos;
  Bmp() {
    for (uint32_t point = 0; point < infos.size(); ++point) {
      // Inside the large uniform blocks one code point speaks for all.
      const bool same = (point > 0x3400 && point < 0x4DC0) || (point > 0x4E00 && point < 0xA000) ||
                        (point > 0xAC00 && point < 0xD7A4) || (point > 0xD800 && point < 0xF900);
      infos[point] = same ? infos[point - 1] : compute(point);
    }
  }
};

}  // namespace

std::string_view script_name(Script script) { return kNames[static_cast<size_t>(script)]; }

namespace detail {

const CharInfo* bmp() {
  static const auto table = std::make_unique<const Bmp>();
  return table->infos.data();
}

CharInfo info_beyond(uint32_t point) { return compute(point); }

}  // namespace detail

}  // namespace winnow
