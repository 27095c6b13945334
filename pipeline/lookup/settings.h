// From `options { dns { … } }` to a lookup.
#pragma once

#include <memory>

#include "engine/result.h"
#include "pipeline/lookup/lookup.h"
#include "rules/compile/rule_set.h"

namespace winnow {

// Where no server is configured, those of /etc/resolv.conf are asked. Errors: what
// add_nameservers() says; no server at all.
Result<LookupOptions> lookup_options(const DnsConfig& config);
// The lists that the rules ask, for Lookup::watch().
std::vector<DnsList> lists_of(const RuleSet& rules);

}  // namespace winnow
