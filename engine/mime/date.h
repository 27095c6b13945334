// Dates of RFC 5322 3.3 with the obsolete forms of 4.3 and what senders write instead: missing or
// wrong day names, full month names, two- and three-digit years, seconds left out, zones as names
// ("EST", "GMT+2"), military letters, "+2:00", asctime order, dashes between day, month and year.
// No locale, no clock.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace winnow {

struct MailDate {
  int64_t time = 0;      // Unix seconds
  int32_t zone_min = 0;  // minutes east of UTC
  bool exact = true;     // false: had to be guessed (unknown zone, impossible day name, ...)
};

// Nothing where no day, month, year and hour can be read, or they are impossible (31 February).
std::optional<MailDate> parse_date(std::string_view text);

// "Mon, 30 Nov 2026 15:01:49 GMT" (RFC 9110 5.6.7) of Unix seconds.
std::string write_http_date(int64_t time);

// Days since 1970-01-01 of a Gregorian date; month 1-12.
int64_t days_from_civil(int64_t year, unsigned month, unsigned day);

}  // namespace winnow
