// Blocks of uuencoded data inside a text, as mail programs before MIME sent attachments.
//
//   begin 644 name.zip      "begin", octal digits of the mode, the file's name
//   M<line>                  first byte: 32 + number of bytes (96 = 0), then 4 bytes for each 3
//   `
//   end
//
// Grammar of POSIX uuencode (IEEE 1003.1); no RFC. Also "begin-base64 644 name" up to "====".
// Lines may be short by stripped trailing blanks (blank = 0) and long by a check byte. A block
// that is not closed, or has a line that cannot be one, ends there and is broken. With another
// number of digits than a mode has (three to five) in a text, or none in a body that is declared
// uuencoded, only a closed block is one: "begin 1 COURSE" may be prose.
#pragma once

#include <string_view>

#include "engine/arena.h"

namespace winnow {

struct EncodedBlock {
  std::string_view block;     // all of it, begin to end line, within the text
  std::string_view filename;  // as written, without quotes around it; empty where there is none
  std::string_view bytes;     // decoded, in the arena
  bool broken = false;
};

// The name in a "begin" line without the blanks and quotes around it.
std::string_view block_name(std::string_view written);

// Reads the block whose "begin" line starts at `at`. False where it is no such line: prose that
// starts with "begin" is left alone.
bool read_uuencode(std::string_view text, size_t at, Arena& arena, EncodedBlock& block);

// A whole body with Content-Transfer-Encoding x-uuencode: its first block; the mode may lack.
bool find_uuencode(std::string_view text, Arena& arena, EncodedBlock& block);

}  // namespace winnow
