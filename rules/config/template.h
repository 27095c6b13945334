// The template pass that runs over configuration before UCL reads it: `{= expression =}`,
// `{% statement %}`, `{# comment #}`. The grammar stands at the top of template.cc and
// template_expression.cc.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "rules/config/ucl.h"

namespace winnow {

struct TemplateOptions {
  // What expressions may name: `env.X` is RSPAMD_X of the process (prefix taken off by the
  // caller), `paths.X` the variables of the same name, and `vars` stand for themselves.
  std::map<std::string, std::string, std::less<>> env;
  std::map<std::string, std::string, std::less<>> paths;
  std::map<std::string, std::string, std::less<>> vars;  // hostname, version, --var k=v …
  // The filter `pbkdf`: a password's hash with a fresh salt. Null: the password stays as it is,
  // which the controller accepts as well.
  std::function<std::string(std::string_view password)> pbkdf;
  size_t steps_max = 2'000'000;        // evaluated terms and loop rounds of one text
  size_t output_bytes_max = 16 << 20;  // of one text
};

// Runs the template; text without any tag comes back unchanged. `lines[i]` becomes the source
// line of output line i+1; it stays empty where nothing moved. Errors carry file and line. Names
// that have no value print as nothing and are told in `warnings` (unless `| default` names one).
Result<std::string> run_template(std::string_view text, std::string_view file,
                                 const TemplateOptions& options, std::vector<uint32_t>& lines,
                                 std::vector<Warning>& warnings);

}  // namespace winnow
