// Where a value of the configuration was written: for `explain`, `config why` and errors.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace winnow {

struct Place {
  std::string_view file = {};  // owned by the document or the rule set; "" = made by the program
  uint32_t line = 0;           // 1-based; 0 = the whole file, or made by the program
  uint32_t column = 0;

  // "file:line:column", with what is known.
  std::string text() const {
    std::string out(file);
    if (line) out += ":" + std::to_string(line);
    if (line && column) out += ":" + std::to_string(column);
    return out;
  }
};

}  // namespace winnow
