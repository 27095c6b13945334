// Rules as lines: what is accepted has a name and says something that regexp rules can read or
// refuse; parsing never looks at more than the line.
#include <cstdlib>
#include <string_view>

#include "engine/mime/header_names.h"
#include "rules/lang/expression.h"
#include "rules/lang/rule_lines.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace winnow;
  if (size > 4096) return 0;
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  const Result<RuleLine> rule = parse_rule_line(line);
  if (!rule) {
    if (rule.error().what.empty()) std::abort();
    return 0;
  }
  if (rule->kind == RuleLine::Kind::kNothing) return 0;
  if (rule->name.empty() || line.find(rule->name) == line.npos) std::abort();
  if (rule->kind != RuleLine::Kind::kPattern && rule->kind != RuleLine::Kind::kMeta) return 0;
  if (rule->text.empty()) std::abort();
  uint32_t atoms = 0;
  (void)parse_expression(rule->text, ExpressionDialect::kRegexp,
                         [&](std::string_view, size_t) -> Result<uint32_t> { return atoms++; });
  return 0;
}
