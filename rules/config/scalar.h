// What unquoted text means: numbers with their suffixes, flags, null.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace winnow {

struct Scalar {
  enum class Kind : uint8_t { kString, kNull, kBool, kInt, kDouble, kTime } kind = Kind::kString;
  bool flag = false;
  int64_t whole = 0;
  double real = 0;  // kDouble; kTime: seconds
};

// Reads the whole of `text`. Suffixes, in any case: k m g (1000), kb mb gb (1024), ms s min h d
// w y (time). true yes on false no off in any case; null in lower case. All else is a string.
Scalar read_scalar(std::string_view text);

// true yes on 1 / false no off 0, in any case.
std::optional<bool> read_bool(std::string_view text);

}  // namespace winnow
