// The line that mailboxes of the mbox family keep above each message (RFC 4155, appendix A):
// "From ", the sender, the date of delivery. It is no header; "From" blanks ":" is one, in the old
// form of RFC 5322 4.5.
#pragma once

#include <string_view>

namespace winnow {

// True for "From " that begins no header, whatever follows: "From nobody", "From now on".
bool begins_as_from_line(std::string_view line);

// True for such a line with a date in it: a time of day behind a number (the day or the year, in
// whatever order), "From a@b Mon Jan  1 10:00:00 2001". "From now on at 10:30" has none.
bool is_from_line(std::string_view line);

}  // namespace winnow
