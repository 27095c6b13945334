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
#include "ingest/serve/listen.h"
#include "ingest/serve/settings.h"
#include "pipeline/effects.h"
#include "pipeline/learn/queue.h"
#include "pipeline/service.h"

namespace winnow {

struct ServerOptions {
  static constexpr size_t kReadBytes = 64 * 1024;  // at once from a connection
  std::vector<Listening> sockets;                  // the server does not close them
  int link = -1;  // to the supervisor: told how we are; it ends when we must
  MilterLimits milter_limits;
  HttpLimits http_limits;
  size_t connections_max = 10'000;
  size_t connections_per_source_max = 0;  // of one address; 0: as many as may be open at all
  int64_t command_wait_max_ms = 20'000;   // until a new connection is read; Postfix waits 30 s
  int64_t content_wait_max_ms = 60'000;   // until reading goes on; Postfix waits 300 s
  int64_t io_timeout_ms = 60'000;         // in the middle of a message, or of an answer
  int64_t slow_bytes_per_s = 500;         // what a message must bring in after that time
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
  // From now on answers are rendered so. Thread-safe.
  void use(std::shared_ptr<const ServeSettings> settings);
  // Where /learnspam, TELL and autolearn go; without it nothing is learnt. REQUIRED: before run();
  // outlives it.
  void learn_with(LearnQueue* learner);
  // What verdicts want done outside; without it nothing is. REQUIRED: the same.
  void carry_out_with(Effects* effects);
  // Serves until TERM, INT or the end of `link`, then drains. Connections use `service`.
  void run(Service& service);
  // One word to the supervisor. Any thread.
  void tell(std::string_view word) const;

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace winnow
