#include "ingest/serve/service_limits.h"

#include <cmath>

namespace winnow {

namespace {

// Whole numbers of 0 or more: bytes, messages, connections.
template <class T>
void count(const UclObject& section, const char* key, T& to) {
  const int64_t value = section.integer(key, -1);
  if (value >= 0) to = static_cast<T>(value);
}

void time(const UclObject& section, const char* key, int64_t& to_ms) {
  const double seconds = section.seconds(key, -1);
  if (seconds >= 0 && seconds < 1e9) to_ms = std::llround(seconds * 1000);
}

void text(const UclObject& section, const char* key, std::string& to) {
  to = section.string(key, to);
}

void read_worker(const UclObject& worker, ServiceLimits& to) {
  const std::string_view type = worker.string("type", worker.key());
  if (type == "normal") {
    time(worker, "timeout", to.server.io_timeout_ms);
    to.server.http_idle_max_ms = to.server.io_timeout_ms;
    time(worker, "task_timeout", to.service.task_timeout_ms);
    count(worker, "max_tasks", to.service.messages_max);
  } else if (type == "rspamd_proxy") {
    size_t most = 0;
    count(worker, "max_connections", most);
    if (most > 0) to.server.connections_max = most;
    count(worker, "max_connections_per_source", to.server.connections_per_source_max);
  }
}

}  // namespace

void read_service_limits(const UclObject& root, ServiceLimits& to) {
  if (const UclObject* const options = root.find("options")) {
    time(*options, "task_timeout", to.service.task_timeout_ms);
    size_t most = 0;
    count(*options, "max_message", most);
    if (most > 0) to.server.http_limits.body_max = most;
  }
  if (const UclObject* const workers = root.find("worker"))
    for (const UclObject* const worker : workers->named()) read_worker(*worker, to);
  if (const UclObject* const own = root.find("winnow")) {
    count(*own, "memory", to.service.byte_budget);
    count(*own, "max_connections", to.server.connections_max);
    count(*own, "max_connections_per_source", to.server.connections_per_source_max);
    count(*own, "slow_client_rate", to.server.slow_bytes_per_s);
    time(*own, "command_wait_max", to.server.command_wait_max_ms);
    time(*own, "queue_wait_max", to.server.content_wait_max_ms);
    to.service.queue_wait_max_ms = to.server.content_wait_max_ms;
    time(*own, "drain_max", to.server.drain_max_ms);
    text(*own, "user", to.user);
    text(*own, "group", to.group);
  }
  // 0 is Rspamd's way to say that there is no such limit.
  constexpr int64_t kDayMs = 86'400'000;
  if (to.service.task_timeout_ms == 0) to.service.task_timeout_ms = kDayMs;
}

}  // namespace winnow
