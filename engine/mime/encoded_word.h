// RFC 2047 encoded words and raw 8-bit bytes in headers, as real mail has them.
//
//   word  = "=?" charset ["*" language] "?" encoding "?" text "?="
//
// Read beyond the RFC, because senders write it and mail clients show it: words inside quoted
// strings and comments, words not set off by blanks, blanks inside Q text, '?' inside Q text,
// words over 75 bytes, a missing "?=" at the end, base64 without or with wrong padding, a
// character split over adjacent words of one charset, an unknown charset. What does not decode as
// it says sets Fault::kEncodedWordBroken; what is no word at all stays as it stands. Blanks between
// two words vanish (RFC 2047 6.2). The result is valid UTF-8 on one line: NUL is dropped, CR and
// LF that were hidden in a word become blanks, bytes that fit no charset become U+FFFD.
#pragma once

#include <string_view>

#include "engine/arena.h"
#include "engine/fault.h"
#include "engine/limits.h"
#include "engine/mime/header_scratch.h"

namespace winnow {

// True if `text` needs decode_header_text(): has "=?", NUL, an escape or bytes over 127.
bool needs_decoding(std::string_view text);

// True if `text` is UTF-8, or was: at least two of three sequences over 127 are whole characters
// (mail that cut a character, or put a blank for a byte, on its way).
bool is_mostly_utf8(std::string_view text);

struct DecodedText {
  std::string_view text;  // `unfolded` itself where nothing had to change, else in the arena
  bool encoded = false;   // had at least one RFC 2047 word
};

// Decodes one unfolded header text. Raw 8-bit bytes that are not UTF-8 are read as
// scratch.raw_charset, else as Windows-1252, and set Fault::kHeader8Bit; raw ISO-2022 is read as
// scratch.escape_charset, where that is set. Words over
// encoded_words_max stay undecoded (Fault::kLimitEncodedWords). Linear in the text.
DecodedText decode_header_text(std::string_view unfolded, const Limits& limits,
                               HeaderScratch& scratch, Arena& arena, Faults& faults);

// Bytes in the charset that `label` names (RFC 2231 values) as valid UTF-8 on one line, in the
// arena. An unknown label sets Fault::kCharsetUnknown and the charset is guessed; `fits` tells
// whether all bytes were of the charset.
std::string_view labelled_to_utf8(std::string_view label, std::string_view bytes,
                                  HeaderScratch& scratch, Arena& arena, bool& fits, Faults& faults);

}  // namespace winnow
