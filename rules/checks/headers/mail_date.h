// The date of RFC 5322 3.3 with the zones and years of 4.3, to the letter.
#pragma once

#include <string_view>

namespace winnow {

// [Mon,] 2 Jan 2026 15:04[:05] zone [(comment)]: names in their case, two digits for hour, minute
// and second, a zone of sign and four digits, of the names of RFC 822, or of one letter. What mail
// programs only guess is refused: no zone, "PM", dashes, a month spelt out.
bool is_strict_mail_date(std::string_view text);

}  // namespace winnow
