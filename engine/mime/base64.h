// base64 as mail carries it (RFC 2045 6.8), decoded in one pass.
//
// Lines are of any length and end in any way. What is no base64 digit is skipped, as RFC 2045
// asks; everything that a strict reader would refuse is told in `broken`: other bytes than
// blanks and line ends, missing or superfluous padding, digits after the padding, a single
// digit left over. Digits after the padding are decoded where they look like another segment
// (encoded one by one and joined: whole quanta up to the line's end); text that a mailing list put
// below the data ends it.
//
// Sixteen digits become twelve bytes at a time (SSSE3: a saturating subtraction classifies each
// byte, two multiply-adds pack the sextets); a block that holds a line end gives what stands
// before it, so that 76-digit lines never leave the vector path. decode_base64_scalar() is its
// twin with the same bytes and the same answer.
#pragma once

#include <string_view>

#include "engine/arena.h"

namespace winnow {

struct DecodedBody {
  std::string_view bytes;  // in the arena; dies with it
  bool broken = false;     // a strict reader would refuse it
  bool cut = false;        // base64: what follows the padding was taken for text below the data
};

// Never fails; the result is at most 3/4 of `in` plus 2 bytes.
// `through`: digits after padding are decoded whatever they look like.
DecodedBody decode_base64(std::string_view in, Arena& arena, bool through = false);
DecodedBody decode_base64_scalar(std::string_view in, Arena& arena, bool through = false);

}  // namespace winnow
