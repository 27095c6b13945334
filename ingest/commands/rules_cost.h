// The cost of each pattern on given mail, for `winnow rules cost`.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "rules/compile/rule_set.h"

namespace winnow {

// Prints the table and returns an exit code. Looks at the first 512 messages of `paths`.
int print_rules_cost(const std::shared_ptr<const RuleSet>& rules,
                     const std::vector<std::string>& paths);

}  // namespace winnow
