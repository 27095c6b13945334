// A milter connection of any bytes: as one write and as pieces, it wants and says the same. Each
// message is answered by the next action, with every edit, made of the message itself.
#include <cstdlib>
#include <string>
#include <string_view>

#include "ingest/milter/answer.h"

namespace {

struct Seen {
  std::string out;
  size_t verdicts = 0;
  bool closed = false;
};

void answer(const winnow::MilterSession& session, const winnow::Message& message, Seen& seen) {
  using namespace winnow;
  using enum EditKind;
  constexpr std::string_view kActions[] = {"add header", "reject", "soft reject", "rewrite subject",
                                           "no action"};
  const std::string body(message.bytes.view());
  const std::string name = message.helo;
  const Edit edits[] = {{.kind = kAddHeader, .position = -3, .name = "X", .value = body},
                        {.kind = kAddHeader, .position = 0, .name = name, .value = name},
                        {.kind = kAddHeader, .position = 2, .name = name, .value = {}},
                        {.kind = kRemoveHeader, .position = 0, .name = name, .value = {}},
                        {.kind = kRemoveHeader, .position = -1, .name = name, .value = {}},
                        {.kind = kRemoveHeader, .position = 1, .name = name, .value = {}},
                        {.kind = kChangeHeader, .position = 1, .name = name, .value = body},
                        {.kind = kRewriteSubject, .position = 0, .name = {}, .value = body},
                        {.kind = kChangeFrom, .position = 0, .name = {}, .value = name},
                        {.kind = kAddRecipient, .position = 0, .name = {}, .value = name},
                        {.kind = kRemoveRecipient, .position = 0, .name = {}, .value = "<a@b>"},
                        {.kind = kReplaceBody, .position = 0, .name = {}, .value = body},
                        {.kind = kQuarantine, .position = 0, .name = {}, .value = body}};
  MilterOptions options;
  options.quarantine_on_reject = name.size() % 3 == 1;
  options.discard_on_reject = name.size() % 3 == 2;
  const auto flags =
      static_cast<uint8_t>(body.size() % 4 == 1   ? static_cast<uint8_t>(ActionFlag::kDiscard)
                           : body.size() % 4 == 2 ? static_cast<uint8_t>(ActionFlag::kQuarantine)
                                                  : 0);
  render_milter({.action = kActions[(seen.verdicts + name.size()) % std::size(kActions)],
                 .message = {},
                 .subject = name,
                 .flags = flags,
                 .edits = edits},
                options, session.seen(), session.agreement(), seen.out);
  if (body.empty()) render_milter_tempfail(seen.out);
}

Seen talk(std::string_view bytes, size_t piece) {
  using namespace winnow;
  Seen seen;
  MilterSession session({.body_max = 4096, .recipients_max = 10, .macros_max = 8});
  while (!bytes.empty() && !seen.closed) {
    const size_t n = std::min(piece, bytes.size());
    SessionWant want = session.feed(bytes.substr(0, n), seen.out);
    bytes.remove_prefix(n);
    while (want == SessionWant::kVerdict) {
      ++seen.verdicts;
      const Message message = session.take_message();
      answer(session, message, seen);
      want = session.answered(seen.out);
    }
    seen.closed = want == SessionWant::kClose;
  }
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Seen whole = talk(bytes, bytes.size() + 1);
  const Seen pieces = talk(bytes, 3);
  if (whole.out != pieces.out || whole.verdicts != pieces.verdicts || whole.closed != pieces.closed)
    std::abort();
  return 0;
}
