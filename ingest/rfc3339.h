// RFC 3339 times ("2026-11-24T15:00:00Z", offsets, fractions) to and from Unix milliseconds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace winnow {

std::optional<int64_t> parse_rfc3339(std::string_view text);
std::string format_rfc3339(int64_t unix_ms);

}  // namespace winnow
