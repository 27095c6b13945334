// Tag lists: "name=value; name=value" (RFC 6376 3.2, RFC 7489 6.4), read where they stand.
#pragma once

#include <string_view>

#include "rules/checks/text.h"

namespace winnow {

struct Tag {
  std::string_view name;   // as written
  std::string_view value;  // trimmed; folds inside are kept
};

class TagReader {
 public:
  explicit TagReader(std::string_view text) : rest_(text) {}
  // The next tag; false at the end, and where a tag has no "=" or no name: then bad() is true.
  bool next(Tag& tag) {
    while (!rest_.empty()) {
      const size_t end = std::min(rest_.find(';'), rest_.size());
      const std::string_view one = trimmed(rest_.substr(0, end));
      rest_.remove_prefix(std::min(end + 1, rest_.size()));
      if (one.empty()) continue;
      const size_t equals = one.find('=');
      tag.name = trimmed(one.substr(0, equals));
      if (equals == std::string_view::npos || tag.name.empty()) {
        bad_ = true;
        return false;
      }
      tag.value = trimmed(one.substr(equals + 1));
      return true;
    }
    return false;
  }
  bool bad() const { return bad_; }

 private:
  std::string_view rest_;
  bool bad_ = false;
};

}  // namespace winnow
