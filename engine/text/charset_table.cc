// The charsets and their labels: one row each, labels folded to lower-case letters and digits.
// A charset is added by a row (and, if it has one byte, a table in make_charset_tables.py).
#include <array>
#include <cstring>

#include "engine/text/charset.h"

namespace winnow {

namespace {

#include "engine/text/charset_tables.inc"

struct Row {
  std::string_view name;
  CharsetKind kind;
  const char* icu;
  const uint16_t* high;
  std::string_view labels;  // folded, separated by blanks; the folded name is always one
};

using enum CharsetKind;

constexpr Row kRows[] = {
    {"utf-8", kUtf8, nullptr, nullptr,
     "utf8 unicode11utf8 unicode20utf8 xunicode20utf8 utf 8bit utf8mb4 cp65001 65001 utf08 "
     "unicode11utf8 csutf8 utf8mac utf8bom unicode1 cesu8 latinutf8"},
    {"us-ascii", kAscii, nullptr, nullptr,
     "usascii ascii ansix341968 ansix341986 isoir6 iso646us iso646irv1991 iso646 us ibm367 cp367 "
     "csascii 7bit asciius usascii7 cp20127 20127 windows20127 646 usacsii ascii7 usasci"},
    {"windows-1252", kOneByte, nullptr, k_cp1252,
     "cp1252 iso88591 isoir100 iso885911987 latin1 l1 ibm819 cp819 csisolatin1 iso8859 88591 1252 "
     "win1252 ms1252 ansi msansi ansix windows1252ansi latin window1252 isolatin1 iso885901 "
     "8859 iso8859en iso1 westerneurope windowslatin1 microsoftcp1252 cswindows1252 "
     "x8bit x8859 unknown8bit1252 28591 cp28591 windows28591 roman8latin1"},
    {"windows-1250", kOneByte, nullptr, k_cp1250,
     "cp1250 1250 win1250 ms1250 msee cswindows1250 window1250"},
    {"windows-1251", kOneByte, nullptr, k_cp1251,
     "cp1251 1251 win1251 ms1251 mscyrl ansi1251 cswindows1251 win window1251 ansicyrillic "
     "windowscyrillic microsoftcp1251"},
    {"windows-1253", kOneByte, nullptr, k_cp1253, "cp1253 1253 win1253 ms1253 msgreek"},
    {"windows-1254", kOneByte, nullptr, k_cp1254,
     "cp1254 1254 win1254 ms1254 msturk iso88599 isoir148 iso885991989 latin5 l5 csisolatin5 "
     "88599 28599 cp28599 isolatin5"},
    {"windows-1255", kOneByte, nullptr, k_cp1255, "cp1255 1255 win1255 ms1255 mshebr"},
    {"windows-1256", kOneByte, nullptr, k_cp1256, "cp1256 1256 win1256 ms1256 msarab"},
    {"windows-1257", kOneByte, nullptr, k_cp1257, "cp1257 1257 win1257 ms1257 winbaltrim"},
    {"windows-1258", kOneByte, nullptr, k_cp1258, "cp1258 1258 win1258 ms1258 vietnamese"},
    {"windows-874", kOneByte, nullptr, k_cp874,
     "cp874 874 win874 dos874 tis620 iso885911 isoir166 tis6202533 tis62025330 tis62025331 "
     "iso8859112001 cstis620 thai 885911 ms874 ibm874 tis62025291"},
    {"iso-8859-2", kOneByte, nullptr, k_iso8859_2,
     "iso88592 isoir101 iso885921987 latin2 l2 csisolatin2 88592 28592 cp28592 isolatin2 cp912 "
     "ibm912"},
    {"iso-8859-3", kOneByte, nullptr, k_iso8859_3,
     "iso88593 isoir109 iso885931988 latin3 l3 csisolatin3 88593 28593 isolatin3"},
    {"iso-8859-4", kOneByte, nullptr, k_iso8859_4,
     "iso88594 isoir110 iso885941988 latin4 l4 csisolatin4 88594 28594 isolatin4"},
    {"iso-8859-5", kOneByte, nullptr, k_iso8859_5,
     "iso88595 isoir144 iso885951988 cyrillic csisolatincyrillic 88595 28595 isolatincyrillic"},
    {"iso-8859-6", kOneByte, nullptr, k_iso8859_6,
     "iso88596 isoir127 iso885961987 arabic ecma114 asmo708 csisolatinarabic 88596 28596 "
     "iso88596e iso88596i csiso88596e csiso88596i"},
    {"iso-8859-7", kOneByte, nullptr, k_iso8859_7,
     "iso88597 isoir126 iso885971987 iso885972003 greek greek8 elot928 ecma118 csisolatingreek "
     "88597 28597 suneugreek"},
    {"iso-8859-8", kOneByte, nullptr, k_iso8859_8,
     "iso88598 isoir138 iso885981988 hebrew csisolatinhebrew 88598 28598 38598 iso88598e "
     "iso88598i csiso88598e csiso88598i logical visual"},
    {"iso-8859-10", kOneByte, nullptr, k_iso8859_10,
     "iso885910 isoir157 iso8859101992 latin6 l6 csisolatin6 885910 isolatin6"},
    {"iso-8859-13", kOneByte, nullptr, k_iso8859_13,
     "iso885913 isoir179 latin7 l7 885913 28603 baltic isolatin7"},
    {"iso-8859-14", kOneByte, nullptr, k_iso8859_14,
     "iso885914 isoir199 iso8859141998 latin8 l8 isoceltic 885914 isolatin8"},
    {"iso-8859-15", kOneByte, nullptr, k_iso8859_15,
     "iso885915 latin9 latin0 l9 csisolatin9 885915 28605 cp28605 iso8859151998 iso885915euro "
     "isolatin9 iso8859151"},
    {"iso-8859-16", kOneByte, nullptr, k_iso8859_16,
     "iso885916 isoir226 iso8859162001 latin10 l10 885916 isolatin10"},
    {"koi8-r", kOneByte, nullptr, k_koi8_r, "koi8r koi koi8 cskoi8r cp878 20866 cp20866 koi8rus"},
    {"koi8-t", kOneByte, nullptr, k_koi8_t, "koi8t"},
    {"koi8-u", kOneByte, nullptr, k_koi8_u, "koi8u koi8ru 21866 cp21866"},
    {"macintosh", kOneByte, nullptr, k_mac_roman,
     "macintosh mac macroman csmacintosh 10000 cp10000 applemacintosh macwestern"},
    {"x-mac-cyrillic", kOneByte, nullptr, k_mac_cyrillic,
     "maccyrillic macukrainian xmacukrainian 10007 cp10007"},
    {"x-mac-greek", kOneByte, nullptr, k_mac_greek, "macgreek 10006 cp10006"},
    {"x-mac-turkish", kOneByte, nullptr, k_mac_turkish, "macturkish 10081 cp10081"},
    {"x-mac-ce", kOneByte, nullptr, k_mac_latin2,
     "macce maclatin2 maccentraleurope maccentraleuropean 10029 cp10029"},
    {"ibm437", kOneByte, nullptr, k_cp437, "cp437 437 cspc8codepage437 dos437 dos"},
    {"ibm850", kOneByte, nullptr, k_cp850, "cp850 850 cspc850multilingual dos850"},
    {"ibm852", kOneByte, nullptr, k_cp852, "cp852 852 cspcp852 dos852"},
    {"ibm855", kOneByte, nullptr, k_cp855, "cp855 855 csibm855"},
    {"ibm857", kOneByte, nullptr, k_cp857, "cp857 857 csibm857 dos857"},
    {"ibm858", kOneByte, nullptr, k_cp858, "cp858 858 ibm00858 cp00858 ccsid00858"},
    {"ibm860", kOneByte, nullptr, k_cp860, "cp860 860 csibm860"},
    {"ibm861", kOneByte, nullptr, k_cp861, "cp861 861 csibm861"},
    {"ibm862", kOneByte, nullptr, k_cp862, "cp862 862 cspc862latinhebrew dos862"},
    {"ibm863", kOneByte, nullptr, k_cp863, "cp863 863 csibm863"},
    {"ibm865", kOneByte, nullptr, k_cp865, "cp865 865 csibm865"},
    {"ibm866", kOneByte, nullptr, k_cp866, "cp866 866 csibm866 dos866 alt"},
    {"ibm737", kOneByte, nullptr, k_cp737, "cp737 737 dos737"},
    {"ibm775", kOneByte, nullptr, k_cp775, "cp775 775 cspc775baltic"},
    {"cp1125", kOneByte, nullptr, k_cp1125, "ibm1125 1125 ruscii cp866u"},
    {"ptcp154", kOneByte, nullptr, k_ptcp154, "pt154 csptcp154 cp154 cyrillicasian"},
    {"kz-1048", kOneByte, nullptr, k_kz1048, "kz1048 strk10482002 rk1048 cskz1048"},
    {"hp-roman8", kOneByte, nullptr, k_hp_roman8, "hproman8 roman8 r8 cshproman8"},
    {"gb18030", kIcu, "gb18030", nullptr,
     "gb18030 gb2312 gbk chinese csgb2312 csiso58gb231280 gb23121980 gb231280 isoir58 cp936 936 "
     "ms936 windows936 euccn eucgb2312cn gb18030a gb180302000 csgbk csgb18030 gb 54936 cngb "
     "cngbk gb2312gbk gbk2312 gb180302005 xgbk 20936 eucgb2312 gb23121"},
    {"big5", kIcu, "big5-hkscs", nullptr,
     "big5 big5hkscs cnbig5 csbig5 cp950 950 ms950 windows950 big5eten bigfive big5hk big5tw "
     "cncns11643big5 xxbig5 hkscs big51 big5plus 5601950"},
    {"euc-tw", kIcu, "euc-tw", nullptr, "euctw cseuctw cns11643 ibmeuctw"},
    {"euc-kr", kIcu, "windows-949-2000", nullptr,
     "euckr cseuckr csksc56011987 isoir149 korean ksc56011987 ksc56011989 ksc5601 ksx1001 "
     "windows949 cp949 949 ms949 uhc ksc5601 ksc56011992 5601 51949 kseucuhc xwindows949 "
     "kscs56011987 ksc56011987kr csksc5601"},
    {"shift_jis", kIcu, "ibm-943_P15A-2003", nullptr,
     "shiftjis sjis mskanji csshiftjis windows31j cswindows31j cp932 932 ms932 windows932 xsjis "
     "shiftjisx0213 sjisx0213 ibm943 cp943 sjiswin sjisms shiftjis2004"},
    {"euc-jp", kIcu, "euc-jp-2007", nullptr,
     "eucjp cseucpkdfmtjapanese xeuc ujis eucjpms eucjpwin extendedunixcodepackedformatforjapanese "
     "51932 cp51932 euc xeucjp japaneseeuc"},
    {"iso-2022-jp", kIcuShift, "ISO_2022,locale=ja,version=4", nullptr,
     "iso2022jp csiso2022jp jis iso2022jpms iso2022jp1 iso2022jp2 iso2022jp3 iso2022jp2004 cp50220 "
     "50220 cp50221 50221 cp50222 50222 jis7 jis8 csjisencoding jisencoding csiso2022jp2"},
    {"iso-2022-kr", kIcuShift, "ISO_2022,locale=ko,version=0", nullptr,
     "iso2022kr csiso2022kr 50225 cp50225"},
    {"iso-2022-cn", kIcuShift, "ISO_2022,locale=zh,version=1", nullptr,
     "iso2022cn iso2022cnext csiso2022cn 50227 cp50227"},
    {"hz-gb-2312", kIcuShift, "HZ", nullptr, "hzgb2312 hz hzgb 52936"},
    {"utf-7", kIcuShift, "UTF-7", nullptr,
     "utf7 unicode11utf7 unicode20utf7 xunicode20utf7 csunicode11utf7 65000 cp65000 csutf7"},
    {"imap-utf-7", kIcuShift, "IMAP-mailbox-name", nullptr, "imaputf7 utf7imap xutf7imap"},
    {"utf-16", kIcuWide, "UTF-16", nullptr, "utf16 csutf16"},
    {"utf-16le", kIcuWide, "UTF-16LE", nullptr,
     "utf16le csutf16le unicode ucs2 iso10646ucs2 csunicode unicodefeff 1200 cp1200 ucs2le "
     "unicodelittle"},
    {"utf-16be", kIcuWide, "UTF-16BE", nullptr,
     "utf16be csutf16be unicodefffe 1201 cp1201 ucs2be unicodebig"},
    {"utf-32", kIcuWide, "UTF-32", nullptr, "utf32 csutf32 iso10646ucs4 ucs4 csucs4"},
    {"utf-32le", kIcuWide, "UTF-32LE", nullptr, "utf32le csutf32le 12000 ucs4le"},
    {"utf-32be", kIcuWide, "UTF-32BE", nullptr, "utf32be csutf32be 12001 ucs4be"},
};
constexpr size_t kCount = std::size(kRows);
static_assert(kCount <= kCharsetsMax);

constexpr size_t kLabelMax = 48;  // longer labels are nobody's

// Lower-case letters and digits of `label`; the length, 0 if nothing or too much is left.
size_t fold_label(std::string_view label, char (&out)[kLabelMax]) {
  size_t size = 0;
  for (const char c : label) {
    const char low = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    if (!(low >= 'a' && low <= 'z') && !(low >= '0' && low <= '9')) continue;
    if (size == kLabelMax) return 0;
    out[size++] = low;
  }
  return size;
}

uint32_t hash_of(std::string_view text) {
  uint32_t hash = 2166136261u;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 16777619u;
  return hash ^ hash >> 15;
}

// Open-addressed index of the labels, built once.
class Registry {
 public:
  Registry() {
    for (size_t i = 0; i < kCount; ++i) {
      const Row& row = kRows[i];
      charsets_[i] = {row.name, row.kind, static_cast<uint8_t>(i), row.icu, row.high};
      char folded[kLabelMax];
      const size_t size = fold_label(row.name, folded);
      names_[i].assign(folded, size);
      insert(names_[i].view(), i);
      for (std::string_view rest = row.labels; !rest.empty();) {
        const size_t end = std::min(rest.find(' '), rest.size());
        insert(rest.substr(0, end), i);
        rest.remove_prefix(std::min(end + 1, rest.size()));
      }
    }
  }
  const Charset* find(std::string_view label) const {
    for (size_t at = hash_of(label) % kSlots;; at = (at + 1) % kSlots) {
      if (slots_[at].label.empty()) return nullptr;
      if (slots_[at].label == label) return &charsets_[slots_[at].id];
    }
  }
  const Charset& at(size_t i) const { return charsets_[i]; }

 private:
  static constexpr size_t kSlots = 2048;
  struct Slot {
    std::string_view label;
    uint8_t id = 0;
  };
  struct Name {
    char bytes[kLabelMax];
    size_t size = 0;
    void assign(const char* from, size_t n) { std::memcpy(bytes, from, size = n); }
    std::string_view view() const { return {bytes, size}; }
  };
  void insert(std::string_view label, size_t id) {
    size_t at = hash_of(label) % kSlots;
    for (; !slots_[at].label.empty(); at = (at + 1) % kSlots) {
      if (slots_[at].label == label) return;  // the first row that claims a label keeps it
    }
    slots_[at] = {label, static_cast<uint8_t>(id)};
  }
  std::array<Charset, kCount> charsets_{};
  std::array<Name, kCount> names_{};
  std::array<Slot, kSlots> slots_{};
};

const Registry& registry() {
  static const Registry instance;
  return instance;
}

}  // namespace

const Charset* find_charset(std::string_view label) {
  char folded[kLabelMax];
  const size_t size = fold_label(label.substr(0, 256), folded);
  const std::string_view key(folded, size);
  if (key.empty()) return nullptr;
  const Registry& all = registry();
  if (const Charset* found = all.find(key)) return found;
  if (key.starts_with("x") && key.size() > 1) return all.find(key.substr(1));
  if (key.starts_with("charset") && key.size() > 7) return all.find(key.substr(7));
  return nullptr;
}

const Charset& utf8_charset() { return registry().at(0); }

}  // namespace winnow
