// A part that holds no other MIME part: its transfer encoding is undone, and what is hidden inside
// becomes virtual parts below it: uuencode, yEnc and PGP blocks of texts, members of TNEF.
#pragma once

#include "engine/mime/structure.h"

namespace winnow {

// Undoes the transfer encoding of `part`: part.raw to part.decoded. Sets faults. `through` as in
// base64.h; returns true where base64 was cut, so that `through` would have made a difference.
bool decode_body(const StructureJob& job, Part& part, bool through);

// Completes leaf `part` (its index in the row; decoded already) and appends its virtual parts.
// Returns the MIME entity inside it, a signed S/MIME body or mail that is attached under another
// type, for the caller to read as a child; empty where there is none.
std::string_view finish_leaf(const StructureJob& job, uint32_t part, std::string_view smime_type);

// Appends an empty part below `parent` to the open row; false at the limit, with its fault.
bool append_part(const StructureJob& job, uint32_t parent, uint16_t depth, Part*& part);

}  // namespace winnow
