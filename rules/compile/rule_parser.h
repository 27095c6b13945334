// One rule's expressions: `re`, and what it defines by name.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "rules/compile/compile.h"
#include "rules/lang/expression.h"

namespace winnow {

class RuleParser {
 public:
  // Instructions of an expression when all definitions stand in place.
  static constexpr size_t kInstructionsMax = 1 << 16;

  explicit RuleParser(Compiler& compiler) : compiler_(compiler) {}

  // Errors may have a column.
  Result<Program> parse(std::string_view text);
  // `text` under a name for later expressions; of two of one name the first holds.
  Result<void> define(std::string_view name, std::string_view text);
  bool defines(std::string_view name) const { return numbers_.contains(std::string(name)); }

  std::vector<AtomId> atoms;  // of all that was parsed

 private:
  Result<Program> expand(const Program& program) const;

  Compiler& compiler_;
  std::vector<Program> definitions_;
  std::unordered_map<std::string, uint32_t> numbers_;
};

}  // namespace winnow
