// One rule's expressions: `re`, and what it defines by name.
//
// Beside the atoms of rules/lang there is one that looks at two places at once: `/re/flags{said}`
// is `Subject=/re/flagsi{header} | /re/flags{folded}`, what a reader is told wherever it stands.
#pragma once

#include <span>
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
  // A name for "one of these patterns", each asked of `scope` (a type of a regexp, or "said").
  // An error says which of them, from 1.
  Result<void> define_phrases(std::string_view name, std::span<const std::string_view> phrases,
                              std::string_view scope);
  bool defines(std::string_view name) const { return numbers_.contains(std::string(name)); }

  std::vector<AtomId> atoms;  // of all that was parsed

 private:
  Result<uint32_t> operand(std::string_view atom);
  Result<uint32_t> said(std::string_view atom);
  Result<uint32_t> any_of(std::span<const uint32_t> operands);
  Result<Program> expand(const Program& program) const;

  Compiler& compiler_;
  std::vector<Program> definitions_;
  std::unordered_map<std::string, uint32_t> numbers_;
};

}  // namespace winnow
