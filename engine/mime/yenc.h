// yEnc blocks (yEnc draft 1.3, http://www.yenc.org/yenc-draft.1.3.txt): binary data in 8-bit text.
//
//   =ybegin [part=N total=N] line=N size=N name=...   the name is the rest of the line (quotes go)
//   [=ypart begin=N end=N]                            multipart only
//   data: byte = (c - 42) mod 256; after '=' byte = (c - 42 - 64) mod 256
//   =yend size=N [part=N] [pcrc32=X] [crc32=X]
//
// Broken: no =yend, a size that differs, or a CRC-32 that differs.
#pragma once

#include <string_view>

#include "engine/arena.h"
#include "engine/mime/uuencode.h"

namespace winnow {

// Reads the block whose "=ybegin" line starts at `at`; false where it is no such line.
bool read_yenc(std::string_view text, size_t at, Arena& arena, EncodedBlock& block);

// A whole body with Content-Transfer-Encoding x-yencode: its first block.
bool find_yenc(std::string_view text, Arena& arena, EncodedBlock& block);

}  // namespace winnow
