// An HTTP, RSPAMC or SPAMC connection of any bytes, to the scanner and to the controller, which
// have a key pair: as one write and as pieces, the same requests and the same answers.
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "ingest/http/request.h"

namespace {

// The seeds `sealed_*` are for it.
std::shared_ptr<const winnow::HttpKeys> keys() {
  static const auto made = std::make_shared<const winnow::HttpKeys>(
      winnow::HttpKeys{winnow::make_exchange_keys("a key pair of 32 bytes for seeds"), "yryryryr"});
  return made;
}

struct Seen {
  std::string said;
  bool closed = false;
};

Seen talk(std::string_view bytes, size_t piece, bool controller) {
  using namespace winnow;
  Seen seen;
  HttpLimits limits;
  limits.head_max = 512;
  limits.headers_max = 16;
  limits.line_max = 512;
  limits.body_max = 4096;
  limits.controller = controller;
  limits.keys = keys();
  HttpSession session(limits);
  const auto serve = [&](SessionWant want) {
    while (want == SessionWant::kVerdict || want == SessionWant::kPage) {
      if (session.request().packed) {
        std::string plain, what;
        if (unpack(session.take_packed(), plain, what)) {
          session.unpacked(std::move(plain));
          if (!session.request().unscanned) want = SessionWant::kVerdict;
        } else {
          session.refuse_packed(what, seen.said);
        }
      }
      if (want == SessionWant::kVerdict) seen.said += session.take_message().bytes.view();
      seen.said += '|';
      want = session.answered(seen.said);
    }
    seen.closed = want == SessionWant::kClose;
  };
  while (!bytes.empty() && !seen.closed) {
    const std::string_view one = bytes.substr(0, piece);
    bytes.remove_prefix(one.size());
    serve(session.feed(one, seen.said));
  }
  if (!seen.closed) serve(session.end_of_input(seen.said));
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const bool controller : {false, true}) {
    const Seen whole = talk(bytes, bytes.size() + 1, controller);
    const Seen pieces = talk(bytes, 3, controller);
    if (whole.said != pieces.said || whole.closed != pieces.closed) std::abort();
  }
  return 0;
}
