#include "ingest/controller/pages.h"

#include <array>

#include "engine/score/render.h"
#include "ingest/controller/learn_request.h"
#include "ingest/http/reply.h"
#include "rules/checks/learned/bayes.h"

namespace winnow {

namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kNoStore = "Cache-Control: no-store\r\n";

void json(const HttpRequest& request, int code, std::string_view phrase, std::string_view body,
          std::string& out) {
  render_response(request, {.code = code, .phrase = phrase, .type = kJson, .headers = kNoStore},
                  body, out);
}

void error(const HttpRequest& request, int code, std::string_view text, std::string& out) {
  std::string body = "{\"error\":\"";
  body.append(text) += "\"}";
  json(request, code, text, body, out);
}

}  // namespace

bool is_open_page(HttpCommand command) {
  return command == HttpCommand::kPing || command == HttpCommand::kOptions ||
         command == HttpCommand::kNotFound;
}

Access access_needed(HttpCommand command) {
  return command == HttpCommand::kErrors || is_learn_command(command) ? Access::kAll
                                                                      : Access::kRead;
}

void render_controller_page(const HttpRequest& request, const ControllerSources& sources,
                            Access access, std::string& out) {
  const bool read_only = access != Access::kAll;
  std::string body;
  switch (request.command) {
    case HttpCommand::kOptions:
      return render_response(
          request,
          {.type = "text/plain",
           .headers = "Access-Control-Allow-Methods: POST, GET, OPTIONS\r\n"
                      "Access-Control-Allow-Headers: Content-Type,Password,Map,Weight,Flag\r\n"
                      "Cache-Control: no-store\r\n"},
          "", out);
    case HttpCommand::kAuth:
      sources.statistics.append_auth(*sources.service.live(), read_only, sources.learnt, body);
      return json(request, 200, "OK", body, out);
    case HttpCommand::kStat:
      sources.statistics.append_stat(*sources.service.live(), sources.open_connections, read_only,
                                     sources.learnt, body);
      return json(request, 200, "OK", body, out);
    case HttpCommand::kErrors:
      sources.log.append_errors(body);
      return json(request, 200, "OK", body, out);
    case HttpCommand::kHealthy:
      return json(request, 200, "OK", "{\"success\":true}", out);
    case HttpCommand::kReady:
      if (sources.draining || !sources.service.ready())
        return error(request, 500, "messages are not taken", out);
      return json(request, 200, "OK", "{\"success\":true}", out);
    case HttpCommand::kClassifiers:
      // As Rspamd's web page asks it: the names of all classifiers, of which there is one at most.
      body = "[";
      if (const BayesPlan* const plan = find_bayes(*sources.service.live()->rules))
        append_json_string(plan->name, body);
      return json(request, 200, "OK", body += "]", out);
    case HttpCommand::kMetrics:
      sources.statistics.append_metrics(sources.service, sources.open_connections, sources.learnt,
                                        body);
      return render_response(request,
                             {.type = "application/openmetrics-text; version=1.0.0; charset=utf-8",
                              .headers = kNoStore},
                             body, out);
    default:
      return render_response(
          request, {.code = 404, .phrase = "Not found", .type = "text/plain", .headers = kNoStore},
          "Not found", out);
  }
}

void render_refusal(const HttpRequest& request, Access access, std::string& out) {
  if (access == Access::kTooManyFailures)
    return error(request, 429, "Too many authentication failures", out);
  error(request, 401, "Unauthorized", out);
}

}  // namespace winnow
