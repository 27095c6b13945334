// A milter connection of any bytes: as one write and as pieces, it wants and says the same.
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

Seen talk(std::string_view bytes, size_t piece) {
  using namespace winnow;
  Seen seen;
  MilterSession session({.body_max = 1 << 16, .recipients_max = 10, .macros_max = 8});
  while (!bytes.empty() && !seen.closed) {
    const size_t n = std::min(piece, bytes.size());
    SessionWant want = session.feed(bytes.substr(0, n), seen.out);
    bytes.remove_prefix(n);
    while (want == SessionWant::kVerdict) {
      ++seen.verdicts;
      const Message message = session.take_message();
      const std::string body(message.bytes.view());
      const Edit edits[] = {
          {.kind = EditKind::kAddHeader, .position = -3, .name = "X", .value = body},
          {.kind = EditKind::kRemoveHeader, .name = message.helo, .value = {}}};
      render_milter(
          {.action = "add header", .message = {}, .subject = {}, .flags = 0, .edits = edits}, {},
          session.seen(), session.agreement(), seen.out);
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
