// Compressed RTF (MS-OXRTFCP), the form in which Exchange stores message bodies.
//
//   u32 size of what follows, u32 raw size, u32 "LZFu" or "MELA" (stored), u32 CRC, data
//   LZFu: control bytes, lowest bit first: 0 = literal byte, 1 = big-endian u16 with 12 bits of
//   offset and 4 of length - 2 into a ring of 4096 bytes that starts with 207 known bytes; a
//   reference to the write position ends the stream.
#pragma once

#include <string_view>

#include "engine/arena.h"
#include "engine/mime/base64.h"

namespace winnow {

// At most `bytes_max` bytes come out; more, a cut stream or a size that differs is broken.
DecodedBody decompress_rtf(std::string_view in, size_t bytes_max, Arena& arena);

}  // namespace winnow
