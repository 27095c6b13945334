// The question whether a mail server answers: QuestionKind::kDialog of type kMxProbe. What is asked
// is a text, so that it is recorded and merged like any other question:
//   ADDRESS PORT CONNECT_MS READ_MS FLAGS GOOD_S FAILED_S TIMEOUT_S
// FLAGS: "g" the greeting is read, "q" QUIT is said after it, "-" neither. The last three say how
// long an outcome may be believed.
// The answer is one value, as Rspamd keeps it: "gd", "rf" (refused), "tc" and "tr" (no connection,
// no greeting in time), "inv" (no SMTP), "err:NNN".
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/batch.h"

namespace winnow {

constexpr uint16_t kMxProbe = 1;

struct MxProbe {
  IpAddress ip;
  uint16_t port = 25;
  uint32_t connect_ms = 2'000, read_ms = 5'000;
  bool greeting = false, quit = false;
  uint32_t good_s = 86'400, failed_s = 14'400, timeout_s = 7'200;
};

std::string write_mx_probe(const MxProbe& probe);
// None where the text is no such question.
std::optional<MxProbe> read_mx_probe(std::string_view text);

// What the first line of a server says of it: an outcome as above.
std::string mx_greeting_outcome(std::string_view line);

}  // namespace winnow
