// One line a scanned message, so that what reads Rspamd's logs reads ours: by default in Rspamd's
// field order, else as `log_format` says:
//
//   $var   ${var}        a value, empty where there is none
//   $if_var{ text $ }    the text where the value is not empty; a bare `$` in it is the value
//
// Pure. What mail says is bounded, and its control characters are escaped: no line can be forged. A
// line has at most kLogLineMax bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/service.h"

namespace winnow {

constexpr size_t kLogLineMax = 16 * 1024;

// What others say, bounded, its control characters escaped, and all bytes over 127 where they are
// no UTF-8: journals and readers of logs take nothing else.
void append_log_text(std::string_view text, std::string& out);
std::string log_text(std::string_view text);

// Tells a message's lines from others', the same for the same message.
std::string log_tag(const Scanned& scanned);

enum class LogField : uint8_t;  // log_line.cc

class LogFormat {
 public:
  LogFormat();  // Rspamd's
  // Unknown variables stay as written and are named in `unknown`; line ends in it are not kept.
  LogFormat(std::string_view text, size_t options_max, std::vector<std::string>& unknown);

  // Appends the line without its end.
  void append(const Scanned& scanned, std::string& out) const;

 private:
  enum class Op : uint8_t { kText, kField, kIf };
  struct Step {
    Op op;
    LogField field;
    uint32_t end;  // of kIf: behind its last step
    std::string text;
  };
  void compile(std::string_view text, std::vector<std::string>& unknown);
  std::vector<Step> steps_;
  size_t options_max_ = 8;  // of one symbol that are shown
};

}  // namespace winnow
