// Runs the tests that stand beside rules (rules/conf/README.md): each mail as LF and as CRLF, each
// near miss likewise.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "rules/compile/rule_set.h"

namespace winnow {

struct RuleTestReport {
  uint32_t symbols = 0;  // with at least one test
  uint32_t hits = 0;     // messages that had to hit, line ends counted each
  uint32_t misses = 0;
  std::vector<std::string> failures;  // one sentence with the place of the test
};

// `only`: names of symbols; empty: all. `shipped`: the policy alone, so its weights must be those
// of tests.d. REQUIRED: the rules were loaded with keep_tests.
// `match`: their patterns with more databases; may be null.
RuleTestReport run_rule_tests(const std::shared_ptr<const RuleSet>& rules,
                              std::shared_ptr<const MatchPlan> match,
                              std::span<const std::string> only, bool shipped);

}  // namespace winnow
