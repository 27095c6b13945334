// Hands one mail to a mail server (RFC 5321), over libcurl.
#pragma once

#include <atomic>
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
  int64_t timeout_ms = 60'000;
  bool some_suffice = false;  // where it refuses some recipients the others get the mail
  const std::atomic<bool>* given_up = nullptr;  // true: it ends, with an error, within a second
};

// `mail`: lines that end in CRLF; dots are doubled here. Waits for the server, as long as its
// time-out says. Errors: nobody answers, or the server takes sender, a recipient or the mail not.
Result<void> send_mail(const SmtpServer& server, const std::string& from,
                       std::span<const std::string> to, std::string_view mail);

}  // namespace winnow
