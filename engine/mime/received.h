// Received headers (RFC 5321 4.4) as Postfix, Exim, Sendmail, qmail, Exchange, Gmail and others
// write them: one hop each.
//
//   Received: from HELO (RDNS [IP]) (using TLS ...) (Authenticated sender: ...)
//             by HOST (SOFTWARE) with PROTOCOL id ID for <ADDRESS>; DATE
//
// Clauses are found by their words outside of comments and angle brackets, in any order; comments
// after "from" give the name by reverse lookup and the address the receiving host saw, in the
// several layouts of the servers above. The date is what follows the last semicolon.
#pragma once

#include <string_view>

#include "engine/arena.h"
#include "engine/batch.h"

namespace winnow {

// Parses one Received value: Header::decoded. What is missing stays empty; never fails. Names and
// protocol are lower case, views point into `value` or the arena. `header` is left to the
// caller. Linear.
Received parse_received(std::string_view value, Arena& arena);

}  // namespace winnow
