// Any text as a template: it ends, and no line of its output comes from beyond its source.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "rules/config/template.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace winnow;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  TemplateOptions options;
  options.env = {{"KEY", "k"}};
  options.paths = {{"DBDIR", "/db"}};
  options.vars = {{"hostname", "h"}};
  options.steps_max = 20'000;
  options.output_bytes_max = 1 << 18;
  std::vector<uint32_t> lines;
  std::vector<Warning> warnings;
  auto result = run_template(text, "t", options, lines, warnings);
  if (!result) return 0;
  const auto last = static_cast<uint32_t>(std::count(text.begin(), text.end(), '\n') + 1);
  for (const uint32_t line : lines)
    if (line == 0 || line > last) std::abort();
  return 0;
}
