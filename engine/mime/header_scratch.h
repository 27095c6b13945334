// What one worker keeps between messages while it parses headers: buffers whose capacity stays, and
// the counters of the message being parsed. Not shared between threads.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/ids.h"
#include "engine/text/charset.h"

namespace winnow {

// One NAME=VALUE of a Content-Type as it stands, before RFC 2231 puts the pieces together.
struct ParameterPiece {
  std::string_view name;  // lower case, without asterisks
  std::string_view text;  // unquoted
  int32_t section = -1;   // N of NAME*N; -1 = none
  bool extended = false;  // NAME*=, NAME*N*=: percent-encoded
  bool used = false;
};

struct HeaderScratch {
  CharsetScratch charset;

  // Of the message: reset by parse_header_block() of part 0.
  uint32_t encoded_words = 0;  // decoded so far, against Limits::encoded_words_max
  uint32_t header_bytes = 0;   // bytes of all header blocks so far

  // Of the header block.
  const Charset* raw_charset = nullptr;  // what bytes over 127 that are not UTF-8 are read as;
                                         // null: Windows-1252
  std::vector<uint32_t> eight_bit;       // indices of headers that wait for raw_charset
  // ISO-2022 that the message's first text declares: so may its own headers be, without words.
  const Charset* escape_charset = nullptr;

  // Of one header.
  std::vector<ParameterPiece> pieces;
  std::vector<char> bytes;      // decoded bytes of adjacent encoded words, before their charset
  std::vector<uint32_t> marks;  // positions, free use within one function
};

}  // namespace winnow
