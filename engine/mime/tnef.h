// TNEF, the "winmail.dat" of Microsoft mail programs (MS-OXTNEF): attachments and bodies inside
// one attachment of type application/ms-tnef.
//
//   stream     u32 signature 0x223E9F78, u16 key, attributes
//   attribute  u8 level (1 message, 2 attachment), u32 id, u32 length, bytes, u16 checksum
//   MAPI list  u32 count, then properties: u16 type, u16 id, [GUID + name where id >= 0x8000],
//              [u32 number of values where variable or multi-valued], values padded to 4 bytes
//
// All little-endian. attAttachRenddata opens an attachment. Every length is checked against what
// is left; what does not fit ends the reading and is `broken`. Nothing is followed twice, so the
// work is linear; compressed RTF (rtf.h) grows by a bounded factor.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/arena.h"

namespace winnow {

struct TnefItem {
  enum class Kind : uint8_t { kText, kHtml, kRtf, kAttachment, kMessage };
  Kind kind = Kind::kAttachment;
  std::string_view filename;  // as stored; UTF-8 where the stream has it in Unicode
  std::string_view mime;      // "image/png"; empty = not said
  std::string_view bytes;     // within the stream, or in the arena (RTF, Unicode text as UTF-8)
  bool utf8 = false;          // the bytes of a text were Unicode and are UTF-8 now
};

struct Tnef {
  std::vector<TnefItem> items;  // bodies first, then attachments in their order
  uint32_t code_page = 0;       // Windows code page of the 8-bit strings; 0 = not said
  bool broken = false;
};

// Reads `stream` into `tnef` (cleared first, capacity kept). At most `items_max` items;
// `text_bytes_max` bounds decompressed RTF.
void read_tnef(std::string_view stream, size_t items_max, size_t text_bytes_max, Arena& arena,
               Tnef& tnef);

}  // namespace winnow
