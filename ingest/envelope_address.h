// Addresses of the envelope as front ends are given them.
#pragma once

#include <string>
#include <string_view>

namespace winnow {

// The mailbox of an SMTP path (RFC 5321 4.1.2): what stands in "<>", whatever follows, without a
// source route (appendix C) and without quotes that its local part does not need. A text that is no
// path is taken for the mailbox itself.
std::string envelope_address(std::string_view path);

// Cuts the first of several addresses off `list`: up to a comma outside of quotes and of "<>".
// These count where they close within 1,024 bytes (a path has 256, RFC 5321 4.5.3.1.3): a list of
// what never closes is walked once.
std::string_view take_address(std::string_view& list);

}  // namespace winnow
