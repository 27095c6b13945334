// Atoms of regexp rules: whatever is accepted can be added to a plan; columns lie in the text.
#include <cstdlib>
#include <string_view>

#include "engine/match/plan.h"
#include "rules/lang/function_atom.h"
#include "rules/lang/regexp.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace winnow;
  if (size > 512) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  HeaderNames names;
  const Result<PatternSpec> spec = parse_regexp_atom(text, names);
  if (spec) {
    if (spec->regex.size() > text.size()) std::abort();
    if (is_header_scope(spec->scope) && spec->header == kNoId<HeaderId>) std::abort();
    // Only a selector is accepted here and refused there.
    MatchPlanBuilder builder;
    if (!builder.add(*spec, AtomId(0)) && spec->scope != ScopeKind::kSelector) std::abort();
  } else if (spec.error().column > size + 1) {
    std::abort();
  }
  const FunctionContext context{names, [](std::string_view) { return 1u; }};
  const Result<FunctionSpec> function = parse_function_atom(text, context);
  if (!function && function.error().column > size + 1) std::abort();
  return 0;
}
