#include "ingest/controller/learn_request.h"

#include <fmt/format.h>

#include "ingest/http/reply.h"

namespace winnow {

namespace {

std::string_view header(const HttpRequest& request, std::string_view name) {
  for (const auto& [key, value] : request.envelope.request_headers)
    if (key == name) return value;
  return {};
}

std::optional<LearnRequest> read_tell(const HttpRequest& request, std::string& wrong) {
  const bool set = header(request, "set").find("local") != std::string_view::npos;
  const bool remove = header(request, "remove").find("local") != std::string_view::npos;
  if (remove && !set) return LearnRequest{.kind = LearnKind::kForget};
  const std::optional<LearnLabel> label = LearnLabel::of(header(request, "message-class"));
  if (set && label) return LearnRequest{.label = *label};
  wrong = "TELL takes Set: local with Message-class, as spam or ham, or Remove: local";
  return std::nullopt;
}

// What stands in an answer of others is theirs: nothing that ends a JSON string early.
std::string plain(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 256))
    if (c >= ' ' && c < 127 && c != '"' && c != '\\') out += c;
  return out;
}

}  // namespace

bool is_learn_command(HttpCommand command) {
  return command == HttpCommand::kLearnSpam || command == HttpCommand::kLearnHam ||
         command == HttpCommand::kLearnClass || command == HttpCommand::kTell;
}

std::optional<LearnRequest> read_learn_request(const HttpRequest& request, std::string& wrong) {
  switch (request.command) {
    case HttpCommand::kLearnSpam:
      return LearnRequest{.label = LearnLabel::kSpam};
    case HttpCommand::kLearnHam:
      return LearnRequest{.label = LearnLabel::kHam};
    case HttpCommand::kTell:
      return read_tell(request, wrong);
    default:
      break;
  }
  if (const std::optional<LearnLabel> label = LearnLabel::of(header(request, "class")))
    return LearnRequest{.label = *label};
  wrong = "Class header is required for multiclass learning";
  return std::nullopt;
}

void render_not_learnt(const HttpRequest& request, int code, std::string_view why,
                       std::string& out) {
  if (request.dialect != Dialect::kHttp) return render_error(request, code, why, out);
  render_response(request,
                  {.code = code,
                   .phrase = plain(why),
                   .type = "application/json",
                   .headers = "Cache-Control: no-store\r\n"},
                  fmt::format("{{\"error\":\"{}\"}}", plain(why)), out);
}

void render_learnt(const HttpRequest& request, const LearnRequest& learn,
                   std::string_view message_id, const Result<Learnt>& what, std::string& out) {
  if (!what) return render_not_learnt(request, 500, what.error().what, out);
  if (*what == Learnt::kRefused)
    return render_not_learnt(request, 500, "Redis refuses it; it is kept aside, see the log", out);
  if (request.dialect == Dialect::kSpamc) {
    const std::string_view done = *what == Learnt::kForgotten ? "DidRemove: local\r\n"
                                  : *what == Learnt::kUnknown || *what == Learnt::kSame
                                      ? ""
                                      : "DidSet: local\r\n";
    out += fmt::format("SPAMD/1.1 0 EX_OK\r\n{}Content-length: 0\r\n\r\n", done);
    return;
  }
  if (*what == Learnt::kSame)
    return render_not_learnt(request, 208,
                             fmt::format("<{}> has been already learned as {}, ignore it",
                                         plain(message_id), learn.label.name()),
                             out);
  render_response(request, {.type = "application/json", .headers = "Cache-Control: no-store\r\n"},
                  "{\"success\":true}", out);
}

}  // namespace winnow
