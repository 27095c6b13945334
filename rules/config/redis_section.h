// Whether a site names servers of Redis or Valkey; what they are is read elsewhere
// (pipeline/lookup/store/redis_options.h).
#pragma once

namespace winnow {

class UclObject;

// Whether the configuration names servers for the module whose section this is (may be null): in
// the section, in its `redis { }` or in `redis { MODULE { } }`; or for all, in `redis { }`.
bool names_redis_servers(const UclObject& root, const UclObject* section);
// The same of a section that stands in its configuration.
bool names_redis_servers(const UclObject& section);

}  // namespace winnow
