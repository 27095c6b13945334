// Is a text valid UTF-8 (RFC 3629: no surrogates, no overlong forms, nothing over U+10FFFF)?
// Asked of every text before a database or pattern that reads code points sees it: both are
// undefined on anything else.
#pragma once

#include <string_view>

namespace winnow {

bool is_valid_utf8(std::string_view text);

}  // namespace winnow
