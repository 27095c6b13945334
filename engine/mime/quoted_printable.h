// Quoted-printable (RFC 2045 6.7) as mail carries it, decoded in one pass.
//
//   =XX          the byte XX (either case)
//   = blanks EOL soft line break: nothing; also at the very end of the body
//   blanks EOL   blanks that some host added: dropped (rule 3)
//   =other       bad escape: kept as written, `broken` is set
//
// Line ends stay as they are written. SSE2 copies 16 bytes at a time up to the next '=' or the
// next blank before a line end; decode_quoted_printable_scalar() is its twin.
#pragma once

#include <string_view>

#include "engine/arena.h"
#include "engine/mime/base64.h"

namespace winnow {

// Never fails, never grows.
DecodedBody decode_quoted_printable(std::string_view in, Arena& arena);
DecodedBody decode_quoted_printable_scalar(std::string_view in, Arena& arena);

}  // namespace winnow
