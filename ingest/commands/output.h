// Verdicts for people (table) and programs (JSON lines with /checkv2's field names, CSV). No
// times and no host names, so that equal runs print equal bytes.
#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "engine/score/render.h"
#include "pipeline/case.h"
#include "rules/compile/rule_set.h"

namespace winnow {

enum class OutputFormat : uint8_t { kTable, kJsonLines, kCsv };

struct OutputOptions {
  OutputFormat format = OutputFormat::kTable;
  bool color = false;
  bool flush_each = false;  // somebody watches: write after each message
};

// Text of a message or a file's name on a terminal or in a CSV cell: control characters, which
// would be obeyed there, and what is no UTF-8 as \xHH.
std::string plain_text(std::string_view text);
// A score as tables show it: two digits.
std::string score_text(Micro score);

class Output {
 public:
  // `to` stays the caller's.
  Output(std::FILE* to, const RuleSet& rules, const OutputOptions& options);
  void add(const Case& one);
  // Writes what is buffered. Whether the file took it all is asked at the end of the process.
  void flush();
  // "5059 messages: 12 reject, 40 add header, ..."
  void print_summary(std::FILE* to, uint64_t problems) const;

 private:
  void add_table(const Case& one);
  void add_csv(const Case& one);

  std::FILE* to_;
  const RuleSet& rules_;
  const OutputOptions options_;
  const RenderPlan render_;
  std::string buffer_;
  std::vector<uint64_t> actions_;  // messages by ActionId
  uint64_t messages_ = 0;
};

}  // namespace winnow
