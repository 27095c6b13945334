// Conversion to UTF-8 and detection. ICU is behind this file: its converters write UTF-16 in
// bounded pieces, a callback of ours turns every broken sequence into one U+FFFD and counts it.
#include "engine/text/charset.h"

#include <unicode/ucnv.h>
#include <unicode/ucnv_cb.h>
#include <unicode/ucsdet.h>

#include <algorithm>
#include <bitset>

namespace winnow {

namespace {

constexpr std::string_view kReplacementUtf8 = "\xEF\xBF\xBD";
constexpr size_t kEscapeBytesMax = 8192;
constexpr size_t kStrayBytesPercent = 2;

bool append_utf8(std::string_view bytes, ArenaText& out) {
  bool fits = true;
  while (!bytes.empty()) {
    size_t good = 0;
    if (fits && is_utf8(bytes)) {  // the common case, asked once
      out.append(bytes);
      return true;
    }
    fits = false;
    while (good < bytes.size()) {
      const size_t length = sequence_length(bytes.substr(good, 4));
      if (length == 0) break;
      good += length;
    }
    out.append(bytes.substr(0, good));
    bytes.remove_prefix(good);
    if (bytes.empty()) break;
    out.append(kReplacementUtf8);
    bytes.remove_prefix(broken_length(bytes.substr(0, 4)));
  }
  return fits;
}

bool append_one_byte(const uint16_t* high, std::string_view bytes, ArenaText& out) {
  bool fits = true;
  while (!bytes.empty()) {
    const size_t plain = ascii_prefix(bytes);
    out.append(bytes.substr(0, plain));
    bytes.remove_prefix(plain);
    const size_t piece = std::min<size_t>(bytes.size(), 256);
    char* to = out.tail(piece * 3);
    size_t size = 0, used = 0;
    for (; used < piece && static_cast<uint8_t>(bytes[used]) >= 0x80; ++used) {
      uint32_t point = high[static_cast<uint8_t>(bytes[used]) - 0x80];
      if (point == 0) fits = false, point = kReplacement;
      size += put_point(to + size, point);
    }
    out.commit(size);
    bytes.remove_prefix(used);
  }
  return fits;
}

void U_CALLCONV on_broken(const void* context, UConverterToUnicodeArgs* args, const char*, int32_t,
                          UConverterCallbackReason reason, UErrorCode* error) {
  if (reason > UCNV_IRREGULAR) return;  // reset, close, clone
  ++*static_cast<uint64_t*>(const_cast<void*>(context));
  *error = U_ZERO_ERROR;
  const UChar replacement = kReplacement;
  ucnv_cbToUWriteUChars(args, &replacement, 1, 0, error);
}

// Appends UTF-16 as UTF-8. `lead` carries a high surrogate from one piece to the next.
void append_utf16(const UChar* from, const UChar* end, uint32_t& lead, uint64_t& broken,
                  ArenaText& out) {
  char* to = out.tail(static_cast<size_t>(end - from) * 3 + 8);
  size_t size = 0;
  for (; from != end; ++from) {
    const uint32_t unit = *from;
    if (lead != 0) {
      const uint32_t high = lead;
      lead = 0;
      if (unit >= 0xDC00 && unit < 0xE000) {
        size += put_point(to + size, 0x10000 + ((high - 0xD800) << 10) + (unit - 0xDC00));
        continue;
      }
      ++broken, size += put_point(to + size, kReplacement);
    }
    if (unit >= 0xD800 && unit < 0xDC00) {
      lead = unit;
    } else if (unit >= 0xDC00 && unit < 0xE000) {
      ++broken, size += put_point(to + size, kReplacement);
    } else {
      size += put_point(to + size, unit);
    }
  }
  out.commit(size);
}

bool append_icu(const Charset& charset, std::string_view bytes, CharsetScratch& scratch,
                ArenaText& out) {
  UErrorCode error = U_ZERO_ERROR;
  void*& slot = scratch.converters[charset.id];
  if (slot == nullptr) slot = ucnv_open(charset.icu, &error);
  auto* converter = static_cast<UConverter*>(slot);
  if (converter == nullptr) return append_utf8(bytes, out), false;
  ucnv_resetToUnicode(converter);
  uint64_t broken = 0;
  error = U_ZERO_ERROR;
  ucnv_setToUCallBack(converter, on_broken, &broken, nullptr, nullptr, &error);
  const char* from = bytes.data();
  const char* const end = from + bytes.size();
  uint32_t lead = 0;
  for (;;) {
    UChar units[1024] = {};  // the analyzer does not see that ICU fills it
    UChar* to = units;
    error = U_ZERO_ERROR;
    ucnv_toUnicode(converter, &to, units + std::size(units), &from, end, nullptr, true, &error);
    append_utf16(units, to, lead, broken, out);
    if (error != U_BUFFER_OVERFLOW_ERROR) break;
  }
  if (lead != 0) ++broken, out.append(kReplacementUtf8);
  return broken == 0 && U_SUCCESS(error);
}

std::string_view without_bom(const Charset& charset, std::string_view bytes) {
  const auto starts = [&](std::string_view mark) { return bytes.starts_with(mark); };
  if (charset.kind == CharsetKind::kUtf8 && starts("\xEF\xBB\xBF")) return bytes.substr(3);
  if (charset.name == "utf-16le" && starts("\xFF\xFE")) return bytes.substr(2);
  if (charset.name == "utf-16be" && starts("\xFE\xFF")) return bytes.substr(2);
  return bytes;
}

// UTF-16 without a mark is in the byte order in which its ASCII characters stand; big endian where
// there are none (RFC 2781 4.3).
const Charset& in_byte_order(const Charset& charset, std::string_view bytes) {
  constexpr size_t kLookedAtBytesMax = 1024;
  if (charset.name != "utf-16" || charset_of_mark(bytes) != nullptr) return charset;
  size_t zeros[2] = {};  // at even and at odd places
  const size_t size = std::min(bytes.size(), kLookedAtBytesMax);
  for (size_t i = 0; i < size; ++i) zeros[i & 1] += bytes[i] == '\0';
  return *find_charset(zeros[1] > zeros[0] ? "utf-16le" : "utf-16be");
}

// Whether only some bytes in a hundred are beyond ASCII: a text in ASCII's language with a
// quotation mark, a dash or a name. Such a text is a few bytes of evidence for nine sets that share
// most of them; the one that readers' programs fall back to is as good as statistics, and most of
// what comes here is such. Polish, Czech, Hungarian, Turkish have 5 bytes of 100 and more, the rest
// of the world 30.
bool has_stray_bytes(std::string_view sample) {
  size_t high = 0;
  for (const char c : sample) high += static_cast<uint8_t>(c) >> 7;
  return high * 100 < sample.size() * kStrayBytesPercent;
}

// Which of the bytes over 127 occur: by these a one-byte set is refused without a conversion.
using HighBytes = std::bitset<128>;

HighBytes high_bytes_of(std::string_view bytes) {
  HighBytes seen;
  for (const char c : bytes)
    if (static_cast<uint8_t>(c) > 127) seen.set(static_cast<uint8_t>(c) - 0x80u);
  return seen;
}

// Whether nobody would write these bytes in this set: a one-byte set that has no character for one
// of them, or a control character.
bool is_refused(const Charset& charset, const HighBytes& seen, std::string_view sample) {
  // Nearly all pairs of bytes are letters of UTF-16; a text in it has blanks.
  if (charset.kind == CharsetKind::kIcuWide) return sample.find('\0') == std::string_view::npos;
  if (charset.kind != CharsetKind::kOneByte) return false;
  for (size_t i = 0; i < seen.size(); ++i)
    if (seen[i] && charset.high[i] < 0xA0) return true;
  return false;
}

// Whether this is Cyrillic of DOS, which ICU's detector does not know: its letters are 0x80-0xAF
// and 0xE0-0xEF, and no other set has its commonest letters (o e a i n t s r) where it has them.
bool is_cp866(std::string_view sample) {
  constexpr std::string_view kCommon =
      "\xAE\xA5\xA0\xA8\xAD\xE2\xE1\xE0\x8E\x85\x80\x88\x8D\x92\x91\x90";
  size_t high = 0, letters = 0, common = 0, ascii = 0;
  for (const char c : sample) {
    const auto byte = static_cast<uint8_t>(c);
    high += byte > 127;
    ascii += (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
    letters += (byte >= 0x80 && byte < 0xB0) || (byte >= 0xE0 && byte < 0xF0);
    common += kCommon.find(c) != std::string_view::npos;
  }
  return high >= 8 && high * 3 >= ascii && letters * 10 >= high * 9 && common * 5 >= high * 2;
}

// ICU's names for what its detector knows are labels that find_charset() reads.
void guess_by_statistics(std::string_view sample, const HighBytes& seen, CharsetScratch& scratch,
                         CharsetGuesses& guesses) {
  constexpr int32_t kConfidenceMin = 10;
  UErrorCode error = U_ZERO_ERROR;
  if (scratch.detector == nullptr) scratch.detector = ucsdet_open(&error);
  auto* detector = static_cast<UCharsetDetector*>(scratch.detector);
  if (detector == nullptr) return;
  error = U_ZERO_ERROR;
  ucsdet_setText(detector, sample.data(), static_cast<int32_t>(sample.size()), &error);
  int32_t found = 0;
  const UCharsetMatch** const matches = ucsdet_detectAll(detector, &found, &error);
  if (matches == nullptr || U_FAILURE(error)) return;
  for (int32_t i = 0; i < found && guesses.count < guesses.list.size(); ++i) {
    if (ucsdet_getConfidence(matches[i], &error) < kConfidenceMin) break;
    const char* const name = ucsdet_getName(matches[i], &error);
    const Charset* const charset = name == nullptr ? nullptr : find_charset(name);
    if (charset != nullptr && !is_refused(*charset, seen, sample)) guesses.add(*charset);
  }
}

// `bytes` without their byte order mark.
bool convert(const Charset& charset, std::string_view bytes, CharsetScratch& scratch,
             ArenaText& out) {
  switch (charset.kind) {
    case CharsetKind::kUtf8:
      return append_utf8(bytes, out);
    case CharsetKind::kAscii:
      if (is_ascii(bytes)) return out.append(bytes), true;
      if (is_utf8(bytes)) return out.append(bytes), false;
      return append_one_byte(find_charset("cp1252")->high, bytes, out), false;
    case CharsetKind::kOneByte:
      return append_one_byte(charset.high, bytes, out);
    case CharsetKind::kIcu:
      if (is_ascii(bytes)) return out.append(bytes), true;
      return append_icu(charset, bytes, scratch, out);
    case CharsetKind::kIcuWide:
    case CharsetKind::kIcuShift:
      return append_icu(charset, bytes, scratch, out);
  }
  return false;
}

}  // namespace

CharsetScratch::~CharsetScratch() {
  for (void* converter : converters) {
    if (converter != nullptr) ucnv_close(static_cast<UConverter*>(converter));
  }
  if (detector != nullptr) ucsdet_close(static_cast<UCharsetDetector*>(detector));
}

std::string_view icu_name(std::string_view label) {
  char text[64] = {};
  if (label.size() >= sizeof text) return {};
  label.copy(text, label.size());
  UErrorCode error = U_ZERO_ERROR;
  const char* const name = ucnv_getAlias(text, 0, &error);
  return U_SUCCESS(error) && name ? std::string_view(name) : std::string_view();
}

const Charset* charset_of_mark(std::string_view bytes) {
  if (bytes.starts_with("\xEF\xBB\xBF")) return &utf8_charset();
  if (bytes.starts_with("\xFF\xFE")) return find_charset("utf-16le");
  if (bytes.starts_with("\xFE\xFF")) return find_charset("utf-16be");
  return nullptr;
}

bool to_utf8(const Charset& charset, std::string_view bytes, CharsetScratch& scratch,
             ArenaText& out) {
  return convert(in_byte_order(charset, bytes), without_bom(charset, bytes), scratch, out);
}

std::string_view utf8_view(const Charset& charset, std::string_view bytes, CharsetScratch& scratch,
                           Arena& arena, bool& fits) {
  bytes = without_bom(charset, bytes);
  const bool shifts =
      charset.kind == CharsetKind::kIcuWide || charset.kind == CharsetKind::kIcuShift;
  if (!shifts && is_ascii(bytes)) return fits = true, bytes;
  if (charset.kind == CharsetKind::kUtf8 && is_utf8(bytes)) return fits = true, bytes;
  ArenaText out(arena, bytes.size() + bytes.size() / 2 + 16);
  fits = convert(in_byte_order(charset, bytes), bytes, scratch, out);
  return out.finish();
}

namespace {

// What the bytes say by themselves, without statistics; null: nothing.
const Charset* marked_charset(std::string_view bytes) {
  if (bytes.starts_with(std::string_view("\xFF\xFE\0\0", 4))) return find_charset("utf-32le");
  if (const Charset* const marked = charset_of_mark(bytes)) return marked;
  const std::string_view head = bytes.substr(0, kEscapeBytesMax);
  if (is_ascii(bytes)) {
    if (head.find('\x1B') == std::string_view::npos) return &utf8_charset();
    for (const std::string_view escape : {"\x1B$B", "\x1B$@", "\x1B(J", "\x1B$(D"}) {
      if (head.find(escape) != std::string_view::npos) return find_charset("iso-2022-jp");
    }
    if (head.find("\x1B$)C") != std::string_view::npos) return find_charset("iso-2022-kr");
    if (head.find("\x1B$)A") != std::string_view::npos) return find_charset("iso-2022-cn");
    return &utf8_charset();
  }
  return is_utf8(bytes) ? &utf8_charset() : nullptr;
}

}  // namespace

CharsetGuesses guess_charsets(std::string_view bytes, CharsetScratch& scratch,
                              size_t sample_bytes) {
  CharsetGuesses guesses;
  if (const Charset* const marked = marked_charset(bytes)) return guesses.add(*marked), guesses;
  const size_t first = ascii_prefix(bytes);
  const size_t begin = first > sample_bytes / 4 ? first - sample_bytes / 4 : 0;
  const std::string_view sample = bytes.substr(begin, sample_bytes);
  if (has_stray_bytes(sample)) return guesses.add(*find_charset("windows-1252")), guesses;
  const HighBytes seen = high_bytes_of(bytes);
  if (is_cp866(sample)) guesses.add(*find_charset("cp866"));
  guess_by_statistics(sample, seen, scratch, guesses);
  return guesses;
}

const Charset* detect_charset(std::string_view bytes, CharsetScratch& scratch,
                              size_t sample_bytes) {
  const CharsetGuesses guesses = guess_charsets(bytes, scratch, sample_bytes);
  return guesses.count == 0 ? nullptr : guesses.list[0];
}

}  // namespace winnow
