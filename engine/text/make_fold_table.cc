// Writes fold_table.inc: what each code point of U+0080..U+1FFFF looks like on folded text.
// Run by hand when ICU's data changes: cmake --build build/dev --target make_fold_table &&
// build/dev/engine/text/make_fold_table > engine/text/fold_table.inc
//
// For a code point, the first of these that says something:
//   ignorable, format, combining diacritic    dropped                          "D"
//   white space                               a blank                          "S"
//   decimal digit of any script               its ASCII digit
//   dash, quotation mark, raised dot          - ' " .
//   NFKC, case folded, marks off, is ASCII    that
//   letter of a script with look-alikes whose UTS #39 skeleton is ASCII letters: those (Greek and
//     Cyrillic: one letter, and not by taking marks off); where the
//     skeleton stands for several (I, l, 1), an upper-case letter is the upper-case one
//   small capitals, boxed and circled letters the letter
//   else                                      NFKC, case folded, marks off
// Rows are runs of consecutive code points: {first, "result result ..."}; "I" = itself.
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/uscript.h>
#include <unicode/uspoof.h>

#include <cstdio>
#include <string>
#include <vector>

namespace {

using icu::Normalizer2;
using icu::UnicodeString;

bool diacritic(UChar32 c) {
  return (c >= 0x300 && c < 0x370) || (c >= 0x1AB0 && c < 0x1B00) || (c >= 0x1DC0 && c < 0x1E00) ||
         (c >= 0x20D0 && c < 0x2100) || (c >= 0xFE20 && c < 0xFE30) || (c >= 0x483 && c < 0x48A);
}

UnicodeString without_marks(const UnicodeString& text) {
  UErrorCode error = U_ZERO_ERROR;
  const Normalizer2* nfd = Normalizer2::getNFDInstance(error);
  const Normalizer2* nfc = Normalizer2::getNFCInstance(error);
  const UnicodeString open = nfd->normalize(text, error);
  UnicodeString kept;
  for (int32_t i = 0; i < open.length(); i = open.moveIndex32(i, 1)) {
    if (!diacritic(open.char32At(i))) kept.append(open.char32At(i));
  }
  return nfc->normalize(kept, error);
}

bool ascii(const UnicodeString& text) {
  for (int32_t i = 0; i < text.length(); ++i) {
    if (text[i] >= 0x80 || text[i] <= 0x20) return false;
  }
  return text.length() > 0;
}

bool has_lookalikes(UChar32 c) {
  if (!u_isalpha(c) && u_charType(c) != U_OTHER_NUMBER && u_charType(c) != U_LETTER_NUMBER) {
    return false;
  }
  UErrorCode error = U_ZERO_ERROR;
  switch (uscript_getScript(c, &error)) {
    case USCRIPT_LATIN:
    case USCRIPT_GREEK:
    case USCRIPT_CYRILLIC:
    case USCRIPT_ARMENIAN:
    case USCRIPT_CHEROKEE:
    case USCRIPT_COPTIC:
    case USCRIPT_LISU:
    case USCRIPT_DESERET:
    case USCRIPT_COMMON:
      return true;
    default:
      return false;
  }
}

UChar32 extra(UChar32 c) {
  static const UnicodeString from = UnicodeString::fromUTF8(
      "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋĸʟᴍɴᴏᴘꞯʀꜱᴛᴜᴠᴡʏᴢʍɩɑɡℓ");
  static const char to[] = "abcdefghijkklmnopqrstuvwyzmiagl";
  const int32_t at = from.indexOf(c);
  if (at >= 0) return to[at];
  if (c >= 0x1F130 && c < 0x1F14A) return 'a' + (c - 0x1F130);
  if (c >= 0x1F150 && c < 0x1F16A) return 'a' + (c - 0x1F150);
  if (c >= 0x1F170 && c < 0x1F18A) return 'a' + (c - 0x1F170);
  if (c >= 0x1F1E6 && c < 0x1F200) return 'a' + (c - 0x1F1E6);
  return c;
}

UnicodeString lookalike(USpoofChecker* spoof, UChar32 c) {
  UErrorCode error = U_ZERO_ERROR;
  UnicodeString skeleton;
  uspoof_getSkeletonUnicodeString(spoof, 0, UnicodeString(c), skeleton, &error);
  const UScriptCode script = uscript_getScript(c, &error);
  const bool strict = script == USCRIPT_CYRILLIC || script == USCRIPT_GREEK;
  const int32_t whole = skeleton.length();
  skeleton = without_marks(skeleton);
  if (strict && (skeleton.length() != whole || (whole != 1 && skeleton[0] != u'r'))) return {};
  const bool upper = u_isUUppercase(c) || u_istitle(c);
  if (skeleton == UNICODE_STRING_SIMPLE("rn")) return UnicodeString(u'm');
  if (upper && skeleton == UnicodeString(u'l')) return UnicodeString(u'i');
  UnicodeString out;
  for (int32_t i = 0; i < skeleton.length(); i = skeleton.moveIndex32(i, 1)) {
    out.append(extra(skeleton.char32At(i)));
  }
  for (int32_t i = 0; i < out.length(); ++i) {
    if (!(out[i] < 0x80 && u_isalpha(out[i]))) return {};
  }
  return out.toLower();
}

std::string fold(USpoofChecker* spoof, UChar32 c) {
  if (u_isUWhiteSpace(c) || c == 0x2800) return "S";
  if (u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT) || diacritic(c) ||
      u_charType(c) == U_FORMAT_CHAR || u_charType(c) == U_CONTROL_CHAR) {
    return "D";
  }
  if (u_charType(c) == U_DECIMAL_DIGIT_NUMBER) {
    return std::string(1, static_cast<char>('0' + u_charDigitValue(c)));
  }
  if (u_charType(c) == U_DASH_PUNCTUATION || c == 0x2212) return "-";
  if (u_hasBinaryProperty(c, UCHAR_QUOTATION_MARK) && c < 0x3000) {
    return c == 0x2018 || c == 0x2019 || c == 0x201A || c == 0x201B || c == 0x2039 || c == 0x203A
               ? "'"
               : "\\\"";
  }
  for (const UChar32 dot :
       {0xB7, 0x2022, 0x2219, 0x22C5, 0x30FB, 0xFF65, 0x2024, 0x2027, 0x25CF, 0x387}) {
    if (c == dot) return ".";
  }
  UErrorCode error = U_ZERO_ERROR;
  const Normalizer2* nfkc = Normalizer2::getNFKCCasefoldInstance(error);
  const UnicodeString own = without_marks(nfkc->normalize(UnicodeString(c), error));
  UnicodeString result = own;
  if (!ascii(own)) {
    if (extra(c) != c) {
      result = UnicodeString(extra(c));
    } else if (has_lookalikes(c)) {
      const UnicodeString like = lookalike(spoof, c);
      if (ascii(like)) result = like;
    }
  }
  // A lower case or a base letter that is not ASCII itself may look like one.
  if (!own.isEmpty() && own.char32At(0) <= 0x20) return "D";  // a diacritic on a blank
  if (!ascii(result) && own.countChar32() == 1 && own.char32At(0) != c) {
    std::string base = fold(spoof, own.char32At(0));
    if (base != "I") return base;
  }
  if (result.length() > 8 || result.isEmpty() || result == UnicodeString(c)) return "I";
  for (int32_t i = 0; i < result.length(); ++i) {
    if (result[i] <= 0x20) return "I";
  }
  std::string utf8, escaped;
  result.toUTF8String(utf8);
  for (const char b : utf8) {
    if (b == '"' || b == '\\' || b == '?') escaped += '\\';
    escaped += b;
  }
  return escaped;
}

}  // namespace

int main() {
  UErrorCode error = U_ZERO_ERROR;
  USpoofChecker* spoof = uspoof_open(&error);
  std::printf("// Made by make_fold_table.cc from ICU %s. D dropped, S blank, I itself.\n",
              U_ICU_VERSION);
  std::vector<std::string> run;
  UChar32 first = 0;
  const auto flush = [&] {
    while (!run.empty() && run.back() == "I") run.pop_back();
    if (run.empty()) return;
    std::printf("{0x%04x,\n \"", static_cast<unsigned>(first));
    size_t column = 2;
    for (size_t i = 0; i < run.size(); ++i) {
      if (column + run[i].size() > 92) std::printf("\"\n \""), column = 2;
      std::printf("%s%s", run[i].c_str(), i + 1 == run.size() ? "" : " ");
      column += run[i].size() + 1;
    }
    std::printf("\"},\n");
    run.clear();
  };
  size_t gap = 0;
  for (UChar32 c = 0x80; c < 0x20000; ++c) {
    const bool skip = (c >= 0x3400 && c < 0xA000) || (c >= 0xAC00 && c < 0xFB00) || c >= 0x1FC00 ||
                      (c >= 0x17000 && c < 0x19000);
    const std::string to = skip ? "I" : fold(spoof, c);
    if (to == "I" && (run.empty() || ++gap > 6)) {
      flush();
      continue;
    }
    if (to != "I") gap = 0;
    if (run.empty()) first = c;
    run.push_back(to);
  }
  flush();
  uspoof_close(spoof);
}
