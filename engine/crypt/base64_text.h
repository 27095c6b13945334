// Short texts in base64 (RFC 4648 4): keys and signatures. Mail bodies have engine/mime/base64.h.
#pragma once

#include <string>
#include <string_view>

namespace winnow {

std::string encode_base64_text(std::string_view bytes);  // padded, one line
// Blanks and line ends are passed over, padding may be missing. Empty where it is none.
std::string decode_base64_text(std::string_view text);

}  // namespace winnow
