// What the controller answers once it is known who asks.
#pragma once

#include <string>

#include "ingest/controller/access.h"
#include "ingest/http/request.h"
#include "ingest/serve/log.h"
#include "ingest/serve/statistics.h"

namespace winnow {

struct ControllerSources {
  const Service& service;
  const Statistics& statistics;
  const Log& log;
  size_t open_connections;
  const LearntNow& learnt;
  bool draining;
};

// True where the answer does not depend on who asks: /ping, OPTIONS, what is not there.
bool is_open_page(HttpCommand command);
// What the page needs.
Access access_needed(HttpCommand command);

// REQUIRED: `access` is enough for the page, or is_open_page().
void render_controller_page(const HttpRequest& request, const ControllerSources& sources,
                            Access access, std::string& out);
// {"error":"Unauthorized"} with 401, or 429.
void render_refusal(const HttpRequest& request, Access access, std::string& out);

}  // namespace winnow
