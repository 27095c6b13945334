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

#include "ingest/serve/server.h"
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

}  // namespace winnow
