// What one worker keeps between messages while it parses headers: buffers whose capacity stays, and
// the counters of the message being parsed. Not shared between threads.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/ids.h"

namespace winnow {

struct HeaderScratch {
  // Of the message: reset by parse_header_block() of part 0.
  uint32_t encoded_words = 0;  // decoded so far, against Limits::encoded_words_max
  uint32_t header_bytes = 0;   // bytes of all header blocks so far

  // Of the header block.
  std::string_view charset_label;   // charset its Content-Type declares: for raw 8-bit headers
  std::vector<uint32_t> eight_bit;  // headers that are not UTF-8 and wait for charset_label

  // Of one header.
  std::vector<char> bytes;      // decoded bytes of adjacent encoded words, before their charset
  std::vector<uint32_t> marks;  // positions, free use within one function
};

}  // namespace winnow
