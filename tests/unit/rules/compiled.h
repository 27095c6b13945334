// A configuration that a test wrote, compiled.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "rules/compile/compile.h"
#include "rules/config/ucl_parse.h"

namespace winnow {

// REQUIRED: `text` and what it names in `files` have no error. Patterns are matched one by one, for
// compiling their databases takes longer than a test.
inline std::shared_ptr<RuleSet> compiled(const std::string& text, MemoryFiles files) {
  auto parsed = parse_ucl(text, "t.conf", {});
  EXPECT_TRUE(parsed) << parsed.error().text();
  CompileOptions options;
  options.files = &files;
  options.match.databases = Databases::kNone;
  auto rules = compile_rules(parsed->document->root(), options);
  EXPECT_TRUE(rules) << rules.error().text();
  return *rules;
}

}  // namespace winnow
