#include "ingest/serve/service_limits.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>

#include "ingest/proxy/upstream.h"
#include "ingest/serve/settings.h"
#include "pipeline/effects.h"
#include "pipeline/lookup/greylist.h"
#include "pipeline/lookup/mx_probes.h"
#include "pipeline/lookup/stored_keys.h"
#include "pipeline/lookup/stored_traps.h"
#include "pipeline/marks.h"
#include "rules/checks/policy/trap_question.h"

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

std::vector<std::string_view> limits_that_differ(const ServiceLimits& a, const ServiceLimits& b) {
  std::vector<std::string_view> out;
  const auto compare = [&](std::string_view name, const auto& one, const auto& other) {
    if (!(one == other)) out.push_back(name);
  };
  const ServerOptions &x = a.server, &y = b.server;
  compare("task_timeout", a.service.task_timeout_ms, b.service.task_timeout_ms);
  compare("max_message", x.http_limits.body_max, y.http_limits.body_max);
  compare("timeout", x.io_timeout_ms, y.io_timeout_ms);
  compare("max_tasks", a.service.messages_max, b.service.messages_max);
  compare("memory", a.service.byte_budget, b.service.byte_budget);
  compare("max_connections", x.connections_max, y.connections_max);
  compare("max_connections_per_source", x.connections_per_source_max, y.connections_per_source_max);
  compare("slow_client_rate", x.slow_bytes_per_s, y.slow_bytes_per_s);
  compare("command_wait_max", x.command_wait_max_ms, y.command_wait_max_ms);
  compare("queue_wait_max", x.content_wait_max_ms, y.content_wait_max_ms);
  compare("drain_max", x.drain_max_ms, y.drain_max_ms);
  compare("user", a.user, b.user);
  compare("group", a.group, b.group);
  return out;
}

std::vector<MemoryItem> service_ceiling(const UclObject& root, const ServiceLimits& limits) {
  // What a connection holds of a message is of the budget; this is the rest: socket, session, and
  // what Asio and the kernel's poll keep of it.
  constexpr uint64_t kConnection = 4096 + sizeof(HttpSession) + sizeof(MilterSession);
  constexpr uint64_t kStoredKeyBytes = 16 * 1024;  // one of 8,192 bits, its answer, its selector
  constexpr uint64_t kStoredTrapBytes = kTrapAddressMax + 256;  // a command and its reply
  constexpr uint64_t kTakeBytes = 2 * 1024;  // its keys and values, several times
  constexpr uint64_t kTls = 24 * 1024;       // of OpenSSL, while nothing is read or written
  constexpr uint64_t kMarks =
      uint64_t{Marks::kSides} * Marks::kWorkers * (Marks::kRows + 2) * 8 + 2 * Marks::kRing * 8;
  const uint64_t connections = limits.server.connections_max;
  std::vector<MemoryItem> items;
  const auto add = [&](std::string what, uint64_t bytes, std::string from) {
    items.push_back({std::move(what), bytes, std::move(from)});
  };
  add("mail being read and scanned", limits.service.byte_budget, "winnow { memory }");
  add("one message over the budget", limits.server.http_limits.body_max, "options { max_message }");
  add("connections", connections * kConnection,
      fmt::format("{} x {} bytes: max_connections", connections, kConnection));
  const ServeSettings settings = read_serve_settings(root);
  if (!settings.http_tls.certificate.empty() || !settings.controller_tls.certificate.empty())
    add("connections that speak TLS", connections * kTls,
        fmt::format("{} x {} bytes: max_connections", connections, kTls));
  add("buffer that bytes are read into", ServerOptions::kReadBytes, "one for the loop");
  size_t mirrors = 0;
  if (const UclObject* const workers = root.find("worker"))
    for (const UclObject* const worker : workers->named())
      if (const UclObject* const all = worker->is_object() ? worker->find("mirror") : nullptr;
          all && all->is_object())
        mirrors += all->named().size();
  if (mirrors > 0)
    add("copies for mirrors", mirrors * kMirrorBytes,
        fmt::format("{} x {} MiB", mirrors, kMirrorBytes >> 20));
  const auto is_on = [&](const char* section, const char* key) {
    const UclObject* const one = root.find(section);
    return one && one->flag(key, false);
  };
  add("answers kept", CacheBounds{}.bytes_max, "of name servers");
  if (is_on("mx_check", "enabled"))
    add("outcomes of calls kept", MxProbesOptions{}.cache_bytes_max, "of mail servers");
  if (is_on("dkim_signing", "use_redis") || is_on("arc", "use_redis"))
    add("signing keys kept", StoredKeys::kKeptMax * kStoredKeyBytes,
        fmt::format("{} x {} KiB", StoredKeys::kKeptMax, kStoredKeyBytes >> 10));
  if (is_on("spamtrap", "enabled") && !root.find("spamtrap")->find("map"))
    add("questions for spam traps", StoredTraps::kRoundNamesMax * kStoredTrapBytes,
        fmt::format("{} x {} bytes", StoredTraps::kRoundNamesMax, kStoredTrapBytes));
  if (root.find("greylist") || root.find("redis"))
    add("takes of greylisting", Greylist::kRoundMax * kTakeBytes,
        fmt::format("{} x {} KiB in a round", Greylist::kRoundMax, kTakeBytes >> 10));
  add("effects waiting", Effects::kWaitingBytesMax, "rows of DMARC reports");
  if (const UclObject* const exports = root.find("metadata_exporter");
      exports && (exports->find("rules") || exports->find("pusher_enabled")))
    add("exports waiting", 2 * (Exporter::kWaitingBytesMax + Exporter::kLargeBytesMax),
        fmt::format("{} MiB, {} MiB of large messages, and as much packed or as commands",
                    Exporter::kWaitingBytesMax >> 20, Exporter::kLargeBytesMax >> 20));
  add("marks of what is scanned", kMarks, "shared by supervisor, engines and trial");
  add("errors kept", settings.log.errors_max * settings.log.error_bytes_max,
      "logging { error_elts x error_maxlen }");
  return items;
}

bool raise_file_limit(size_t connections, std::string& say) {
  constexpr rlim_t kOthers = 256;  // logs, maps, databases, sockets that listen, threads' pipes
  const rlim_t want = connections + kOthers;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return true;
  if (limit.rlim_cur < want) {
    // The hard limit is the operator's word, also for root.
    const rlimit raised{std::min(want, limit.rlim_max), limit.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &raised);
    ::getrlimit(RLIMIT_NOFILE, &limit);
  }
  if (limit.rlim_cur >= want) {
    say = fmt::format("{} files may be open, for {} connections", limit.rlim_cur, connections);
    return true;
  }
  say = fmt::format(
      "only {} files may be open: of {} connections that max_connections allows, "
      "about {} can be served; raise LimitNOFILE (ulimit -n) or lower it",
      limit.rlim_cur, connections, limit.rlim_cur > kOthers ? limit.rlim_cur - kOthers : 1);
  return false;
}

}  // namespace winnow
