// Answers over HTTP and the older two dialects. Pure: no clock (the request brings the date), no
// sockets.
// Fields: facts of Rspamd's replies; spamd's protocol 1.5.
#pragma once

#include <string>
#include <string_view>

#include "ingest/http/request.h"
#include "pipeline/service.h"

namespace winnow {

// One zstd frame; empty where the library fails.
std::string pack_zstd(std::string_view body);

// The verdict, as the request's command wants it.
void render_reply(const HttpRequest& request, const Scanned& scanned, std::string& out);
// {"error":...}; in SPAMC a sysexits code (76 stays, others become 75: try again).
void render_error(const HttpRequest& request, int code, std::string_view what, std::string& out);
void render_ping(const HttpRequest& request, std::string& out);
void render_skip(const HttpRequest& request, std::string& out);
// To a request without a message, or with flag skip: no symbols, no action, as Rspamd answers.
void render_unscanned(const HttpRequest& request, const LiveRules& live, std::string& out);
struct ResponseHead {
  int code = 200;
  std::string_view phrase = "OK";
  std::string_view type = "application/json";
  std::string_view headers = {};  // more of them, each with its line end
};
// A whole answer, packed where the client takes zstd and it is worth it.
void render_response(const HttpRequest& request, const ResponseHead& head, std::string_view body,
                     std::string& out);

// True where the action calls it spam.
bool is_spam(const LiveRules& live, const Verdict& verdict);

}  // namespace winnow
