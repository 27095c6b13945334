// What DKIM hashes: headers and body in canonical form (RFC 6376 3.4), fed to a hash line by line.
//
// Line ends of the message are LF or CRLF, mixed as the wire or a store left them; all count as
// CRLF. A CR elsewhere is a byte like others. Linear, no heap.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/crypt/hash.h"

namespace winnow {

enum class Canonical : uint8_t { kSimple, kRelaxed };

constexpr uint64_t kWholeBody = UINT64_MAX;

// Feeds the body: empty lines at its end are cut; an empty simple body is one CRLF. At most
// `bytes_max` canonical bytes (l=) are hashed. Returns how many there are in all.
uint64_t add_canonical_body(std::string_view body, Canonical canonical, uint64_t bytes_max,
                            Hash& hash);

// Feeds one header field. `field` is "Name: value" as it stands in the message, without its last
// line end; `name_bytes` is the length of the name. `ends`: a CRLF follows (all but the signature
// itself, 3.7).
void add_canonical_header(std::string_view field, size_t name_bytes, Canonical canonical, bool ends,
                          Hash& hash);

}  // namespace winnow
