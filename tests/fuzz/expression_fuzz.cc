// Any text parses in both dialects or is refused with a column inside it; what parses evaluates.
#include <cstdlib>

#include "engine/score/evaluate.h"
#include "rules/lang/expression.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace winnow;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const ExpressionDialect dialect :
       {ExpressionDialect::kRegexp, ExpressionDialect::kComposite}) {
    uint32_t atoms = 0;
    size_t last_column = 0;
    auto program = parse_expression(text, dialect, [&](std::string_view atom, size_t column) {
      if (atom.empty() || column < last_column || column + atom.size() > size) std::abort();
      last_column = column;
      return Result<uint32_t>(atoms++);
    });
    if (!program) {
      if (program.error().column == 0 || program.error().column > size + 1) std::abort();
      continue;
    }
    const double value = evaluate(*program, 1, [](uint32_t atom) { return atom % 3 * 0.5; });
    if (!(value * 0 == 0)) std::abort();
  }
  return 0;
}
