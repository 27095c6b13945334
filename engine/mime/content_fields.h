// What the Content-* headers of a part say (RFC 2045, 2046, 2183, 2387, 3676): type, encoding,
// disposition, names.
#pragma once

#include <span>
#include <string_view>

#include "engine/batch.h"
#include "engine/limits.h"
#include "engine/mime/header_scratch.h"

namespace winnow {

struct ContentReading {
  bool last_header = false;     // of headers that stand twice, take the last instead of the first
  bool digest = false;          // child of multipart/digest: message/rfc822 where no type is given
  bool other_boundary = false;  // of two boundaries, take the one that does not win
};

struct ContentFields {
  bool ambiguous = false;           // Content-Type or encoding stands twice with different values
  bool two_boundaries = false;      // the boundary parameter stands with different values
  std::string_view smime_type;      // parameter of application/pkcs7-mime
  std::string_view partial_number;  // parameter of message/partial
};

// Fills type, kind, encoding, disposition, flags and names of `part` from its headers. New text
// goes to the arena. Faults: kContentTypeBroken, kTransferEncodingBroken, kParameterBroken.
ContentFields read_content_fields(std::span<const Header> headers, const ContentReading& reading,
                                  const Limits& limits, HeaderScratch& scratch, Arena& arena,
                                  Faults& faults, Part& part);

// Names a part. Of names after the first, the first whose extension is another is kept: a reader
// may see that one.
void add_filename(std::string_view name, Part& part);

// Kind of a type; type and subtype in lower case. A report (message/delivery-status and the like,
// whatever else is no message of its own) is a text: clients show it as one.
PartKind part_kind(std::string_view type, std::string_view subtype);

}  // namespace winnow
