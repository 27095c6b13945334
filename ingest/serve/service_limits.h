// What the configuration says of the service's limits and of who it becomes. Read at the start:
// none of it changes with a reload.
//
//   winnow { memory, max_connections, max_connections_per_source, command_wait_max,
//            queue_wait_max, slow_client_rate, drain_max, user, group }
//   worker "normal" { timeout, task_timeout, max_tasks }
//   worker "rspamd_proxy" { max_connections, max_connections_per_source }
//   options { task_timeout, max_message }
//
// winnow { } is asked last and wins. What Rspamd counts for each worker process is counted here for
// the whole service.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ingest/serve/server.h"
#include "pipeline/limits.h"
#include "pipeline/service.h"
#include "rules/config/ucl.h"

namespace winnow {

struct ServiceLimits {
  ServiceOptions service;
  ServerOptions server;
  std::string user, group;
};

// Puts what `root` says over what is there. REQUIRED: `root` is a merged configuration. Values that
// mean nothing are named by the checks of the configuration, and leave the default.
void read_service_limits(const UclObject& root, ServiceLimits& limits);

// Names of options that `a` and `b` differ by.
std::vector<std::string_view> limits_that_differ(const ServiceLimits& a, const ServiceLimits& b);

// The memory ceiling of `winnow serve` beside what its rules and batches take (pipeline/limits.h).
// `root` says how many mirrors there are, and whether TLS is spoken.
std::vector<MemoryItem> service_ceiling(const UclObject& root, const ServiceLimits& limits);

// Files that may be open at once: raised to what the connections need, as far as this process may.
// False where that is not enough; `say` is what to tell. Children inherit it.
bool raise_file_limit(size_t connections, std::string& say);

}  // namespace winnow
