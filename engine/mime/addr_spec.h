// One addr-spec (RFC 5322 3.4.1, RFC 6532): what stands between "<" and ">".
#pragma once

#include <string_view>

#include "engine/arena.h"
#include "engine/batch.h"

namespace winnow {

// Fills address, local, domain and valid of `address` from `text`. Comments, routes ("@a,@b:") and
// blanks around "." and "@" are taken out as the obsolete syntax has them; a quoted local part
// that needs no quotes loses them; the domain becomes lower case. Where text is no addr-spec,
// `valid` is false and what stands around the last "@" is used. Without any "@" only `local` and
// `address` are set. Linear; copies only what changes.
// REQUIRED: `text` is valid UTF-8.
void parse_addr_spec(std::string_view text, Arena& arena, Address& address);

}  // namespace winnow
