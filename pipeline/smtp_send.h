// Hands one mail to a mail server (RFC 5321), over libcurl.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "engine/result.h"

namespace winnow {

struct SmtpServer {
  std::string host;
  uint16_t port = 25;
  std::string helo;
};

// `mail`: lines that end in CRLF; dots are doubled here. Waits for the server, a minute at most.
// Errors: nobody answers, or the server takes sender, a recipient or the mail not.
Result<void> send_mail(const SmtpServer& server, const std::string& from,
                       std::span<const std::string> to, std::string_view mail);

}  // namespace winnow
