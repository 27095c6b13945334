// Any text as the main file and as an included one: it parses within its limits or there is an
// error; what was parsed dumps to text that reads back to the same bytes, and the checks and
// translations run over it.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "rules/config/dump.h"
#include "rules/config/legacy.h"
#include "rules/config/options.h"
#include "rules/config/ucl_parse.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace winnow;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  MemoryFiles files;
  files.add("/a", "x = 1\no { p = 1 }\nl = [a]");
  files.add("/b", std::string(text));
  files.add("/d/1.conf", "o { q = 2 }");
  UclOptions options;
  options.files = &files;
  options.variables = {{"DBDIR", "/db"}, {"A", "a"}};
  options.limits = {.text_bytes_max = 1 << 20,
                    .nodes_max = 100'000,
                    .depth_max = 64,
                    .include_depth_max = 4,
                    .includes_max = 50};
  auto result = parse_ucl(text, "/main", options);
  if (!result) return 0;
  const UclObject& root = result->document->root();
  const std::string first = dump(root);
  // A NUL or a key that only another writer makes is outside of what must read back.
  UclOptions plain;
  plain.limits.depth_max = 1000;
  if (auto again = parse_ucl(first, "/again", plain); again && root.is_object())
    if (dump(again->document->root()) != first) std::abort();
  (void)dump(root, {.format = DumpFormat::kJson, .sort = true});
  for (const UclObject& child : root.children()) {
    (void)child.path();
    (void)child.as_number();
    (void)child.named();
  }
  if (!root.is_object()) return 0;
  std::vector<Warning> warnings;
  translate_old(*result->document, warnings);
  (void)check_options(root, warnings);
  (void)dump(root);
  return 0;
}
