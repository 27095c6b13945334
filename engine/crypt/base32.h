// The base32 in which Rspamd writes keys: alphabet "ybndrfg8ejkmcpqxot1uwisza345h769" (zbase32),
// but the bits of a byte are taken from the lowest up, so it is not what zbase32 libraries give.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace winnow {

std::string base32_encode(std::string_view bytes);
// In any case. Nothing where a letter is not of the alphabet or bits are left over that are set.
std::optional<std::string> base32_decode(std::string_view text);

}  // namespace winnow
