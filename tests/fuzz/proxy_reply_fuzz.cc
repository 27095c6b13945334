// What another scanner answers: bytes of HTTP whole and in pieces, then Rspamd's JSON. What is
// whole at some length stays so; edits render to packets of agreed form. The same bytes as what is
// known of a message: a question of one head comes out, whatever line ends they hold.
#include <cstdlib>
#include <string>

#include "engine/mime/ip.h"
#include "ingest/proxy/wire.h"

namespace winnow {
namespace {

void ask_about(std::string_view input) {
  const std::string text(input.substr(0, 512));
  const std::string half = text.substr(text.size() / 2);
  Message message;
  message.from = text;
  message.recipients = {half, text};
  message.helo = message.hostname = message.user = half;
  message.queue_id = message.mta_name = message.settings_id = text;
  message.request_headers = {{half, text}, {"X-Asked", half}};
  if (text.size() % 2 != 0) message.ip = *parse_ip("2001:db8::1");
  Upstream upstream;
  upstream.name = "scanner.example";
  upstream.headers = {{text, half}, {"X-Told", text}};
  const std::string out = scan_request(message, upstream).head;
  if (!out.starts_with("POST ") || out.find("\r\n\r\n") != out.size() - 4) std::abort();
  for (size_t i = 0; i < out.size(); ++i) {
    const auto c = static_cast<unsigned char>(out[i]);
    const bool ends = (c == '\r' && out[i + 1] == '\n') || (c == '\n' && out[i - 1] == '\r');
    if ((c < 0x20 || c == 0x7F) && !ends) std::abort();
  }
}

}  // namespace
}  // namespace winnow

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace winnow;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  ask_about(input);
  int code = 0;
  std::string_view body;
  const RemoteWant want = look_at_reply(input, true, code, body);
  if (want == RemoteWant::kMore) std::abort();  // nothing follows
  if (want == RemoteWant::kWhole &&
      (body.data() < input.data() || body.data() + body.size() > input.data() + input.size()))
    std::abort();
  for (size_t n = 0; n < size && n < 200; ++n) {
    std::string_view early;
    int same = 0;
    if (look_at_reply(input.substr(0, n), false, same, early) == RemoteWant::kWhole &&
        (want != RemoteWant::kWhole || early != body || same != code))
      std::abort();
  }
  // JSON of its own, or that of the answer.
  static const ScoreModel model = [] {
    ScoreModel out;
    for (const char* const name : {"no action", "add header", "rewrite subject", "reject",
                                   "soft reject", "discard", "quarantine"})
      out.actions.push_back({.name = name});
    return out;
  }();
  const Result<RemoteReply> reply =
      parse_scan_reply(want == RemoteWant::kWhole ? body : input, model);
  if (!reply) return 0;
  const MilterReply view = reply->view();
  if (view.action.empty()) std::abort();
  std::string out;
  render_milter(view, MilterOptions{}, SeenHeaders{}, MilterAgreement{}, out);
  for (size_t at = 0; at < out.size();) {
    if (out.size() - at < 5) std::abort();
    size_t length = 0;
    for (size_t i = 0; i < 4; ++i) length = length << 8 | static_cast<uint8_t>(out[at + i]);
    if (length == 0 || length > out.size() - at - 4) std::abort();
    at += 4 + length;
  }
  return 0;
}
