// Charsets: labels as mail writes them, conversion to UTF-8, detection.
//
// A label is looked up without case and punctuation, under the names of the WHATWG Encoding
// Standard, of IANA and of mailers; where they disagree the WHATWG's reading wins (iso-8859-1
// is windows-1252, gb2312 is gb18030), for that is what the reader's program shows.
// One-byte sets have 128-entry tables of our own (charset_tables.inc); the rest goes to ICU.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "engine/arena.h"
#include "engine/text/utf8.h"

namespace winnow {

enum class CharsetKind : uint8_t {
  kAscii,  // us-ascii: bytes over 127 do not fit
  kUtf8,
  kOneByte,  // ASCII plus `high`
  kIcu,      // several bytes a character, ASCII bytes are ASCII (outside escapes)
  kIcuWide,  // UTF-16, UTF-32: ASCII text is not ASCII bytes
  kIcuShift  // UTF-7, ISO-2022, HZ: seven-bit bytes are not all what they seem
};

struct Charset {
  std::string_view name;  // canonical, lower case, static storage
  CharsetKind kind;
  uint8_t id;            // index into all charsets
  const char* icu;       // ICU converter name for the kIcu kinds
  const uint16_t* high;  // [128] code points of 0x80..0xff for kOneByte; 0 = none
};

constexpr size_t kCharsetsMax = 96;

// A worker's ICU converters and detector, opened at first use and kept. One thread at a time.
class CharsetScratch {
 public:
  CharsetScratch() = default;
  ~CharsetScratch();
  CharsetScratch(const CharsetScratch&) = delete;
  CharsetScratch& operator=(const CharsetScratch&) = delete;

  std::array<void*, kCharsetsMax> converters{};  // UConverter*, by Charset::id
  void* detector = nullptr;                      // UCharsetDetector*
};

// The charset a label means, or null. Any case and punctuation: "UTF8", "iso 8859-1", "cp1252".
const Charset* find_charset(std::string_view label);
// What ICU calls the converter of a label ("windows-1252": "ibm-5348_P100-1997"); empty where it
// knows none. Static storage.
std::string_view icu_name(std::string_view label);

const Charset& utf8_charset();

// The charset whose byte order mark `bytes` begin with: UTF-8, UTF-16 of either order; else null.
const Charset* charset_of_mark(std::string_view bytes);

// Appends `bytes` as valid UTF-8; what does not fit becomes U+FFFD. Returns false if some bytes
// did not fit (us-ascii: any byte over 127; read as UTF-8 where valid, else windows-1252).
// A byte order mark of the charset itself is not part of the text; "utf-16" without one is read in
// the byte order that its first ASCII characters show.
bool to_utf8(const Charset& charset, std::string_view bytes, CharsetScratch& scratch,
             ArenaText& out);

// The same without a copy where `bytes` are already the answer; else the text is in `arena`.
std::string_view utf8_view(const Charset& charset, std::string_view bytes, CharsetScratch& scratch,
                           Arena& arena, bool& fits);

constexpr size_t kDetectBytes = 2048;
constexpr size_t kDetectBytesMax = 8192;

// Charsets that unlabelled bytes may be in, the likeliest first.
struct CharsetGuesses {
  void add(const Charset& charset) { list[count++] = &charset; }

  std::array<const Charset*, 8> list{};
  size_t count = 0;
};

// Byte order mark, UTF-8 validity and ISO-2022 escapes speak for themselves; windows-1252 where
// less than 2 of 100 bytes are over 127; cp866 by its letters; then statistics over `sample_bytes`
// around the first such byte, which cost about 0.4 us a byte. A one-byte set of the statistics that
// has no character for one of `bytes`, or a control character, is none of these.
CharsetGuesses guess_charsets(std::string_view bytes, CharsetScratch& scratch,
                              size_t sample_bytes = kDetectBytes);
// The first of them. Null: no idea.
const Charset* detect_charset(std::string_view bytes, CharsetScratch& scratch,
                              size_t sample_bytes = kDetectBytes);

}  // namespace winnow
