// Short texts in base64 (RFC 4648 4): keys and signatures. Mail bodies have engine/mime/base64.h.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace winnow {

std::string encode_base64_text(std::string_view bytes);  // padded, one line
// Blanks and line ends are passed over (the folding of RFC 6376 2.10), padding may be missing.
// Empty where it is none.
std::string decode_base64_text(std::string_view text);
// The same into `to`: the number of bytes, or SIZE_MAX where it is none or does not fit.
size_t decode_base64_text(std::string_view text, char* to, size_t to_bytes);

}  // namespace winnow
