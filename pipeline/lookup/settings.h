// From `options { dns { … } }` to a lookup.
#pragma once

#include <memory>

#include "engine/result.h"
#include "pipeline/lookup/lookup.h"
#include "pipeline/lookup/mx_probes.h"
#include "rules/compile/rule_set.h"

namespace winnow {

// Where no server is configured, those of /etc/resolv.conf are asked. Errors: what
// add_nameservers() says; no server at all; a file of hosts that is named and cannot be read.
Result<LookupOptions> lookup_options(const DnsConfig& config);
// Who calls mail servers for the rules; null where no rule wants it. `kept` may be null.
std::shared_ptr<MxProbes> probes_for(const RuleSet& rules, std::shared_ptr<Store> kept);
// The lists that the rules ask, for Lookup::watch().
std::vector<DnsList> lists_of(const RuleSet& rules);

}  // namespace winnow
