// A URL as people write patterns for it: its percent escapes decoded.
#pragma once

#include <string_view>
#include <vector>

#include "engine/arena.h"

namespace winnow {

// The normal form `url` with its escapes decoded once, in `room`; `url` itself where it has none.
// Escapes of control characters, and of bytes that together are no UTF-8, stay as they are: no
// sender ends a line or breaks the encoding of what a pattern sees. Never longer than `url`.
std::string_view decoded_url(std::string_view url, std::vector<char>& room);
// The same in the arena; of a part of a URL also.
std::string_view decoded_url(std::string_view url, Arena& arena);

}  // namespace winnow
