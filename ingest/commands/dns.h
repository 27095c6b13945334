// What the parts of `winnow dns` share.
#pragma once

#include <string>
#include <vector>

#include "engine/result.h"
#include "pipeline/lookup/lookup.h"

namespace winnow {

// Whom to ask: `servers` where there are some, else those of the configuration (empty: none), else
// those of the system.
Result<LookupOptions> dns_options(const std::string& config,
                                  const std::vector<std::string>& servers);

// winnow dns spf, winnow dns spf-flatten; `name` is how it was called.
int dns_spf_command(const std::vector<std::string>& arguments, const std::string& name,
                    bool flatten);

}  // namespace winnow
