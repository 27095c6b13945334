// The sockets of `winnow serve`: one Asio loop on one thread moves bytes between connections and
// their sessions (ingest/milter, ingest/http); the service's workers scan. A connection holds no
// read buffer of its own, and is not read from while its verdict is awaited.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/result.h"
#include "ingest/http/request.h"
#include "ingest/milter/protocol.h"
#include "ingest/serve/settings.h"
#include "pipeline/service.h"

namespace winnow {

struct ServerOptions {
  std::vector<std::string> milter;  // "127.0.0.1:11332", "[::1]:0", "*:11332", "/path mode=0660"
  std::vector<std::string> http;
  MilterLimits milter_limits;
  HttpLimits http_limits;
  size_t connections_max = 10'000;
  int64_t http_idle_max_ms = 60'000;
  int64_t milter_idle_max_ms = 3'600'000;  // MTAs keep connections
  int64_t drain_max_ms = 10'000;           // for messages that are on their way in at TERM
};

struct ServerHooks {
  std::function<void()> reload;       // HUP; must not block
  std::function<void()> reopen_logs;  // USR1
};

class Server {
 public:
  Server(const ServerOptions& options, ServerHooks hooks, Log& log);
  ~Server();
  // Opens the sockets; before privileges drop.
  Result<void> bind();
  // From now on answers are rendered so. Thread-safe.
  void use(std::shared_ptr<const ServeSettings> settings);
  // Serves until TERM or INT, then drains. Connections use `service`.
  void run(Service& service);

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace winnow
