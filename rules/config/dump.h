// Writing a value tree as UCL or JSON. The same tree gives the same bytes, always: order is the
// order of insertion, numbers are printed shortest, no locale.
#pragma once

#include <string>

#include "rules/config/ucl.h"

namespace winnow {

enum class DumpFormat : uint8_t { kUcl, kJson, kJsonCompact };

struct DumpOptions {
  DumpFormat format = DumpFormat::kUcl;
  bool sort = false;  // keys by bytes instead of by place
  // Put before a value in UCL (comments of `configdump -h`); null: nothing. Lines without '#'.
  std::string (*comment)(const UclObject& value, const void* context) = nullptr;
  const void* context = nullptr;
};

// An object's entries without its own braces in UCL, with them in JSON; scalars as a value.
std::string dump(const UclObject& value, const DumpOptions& options = {});

// One key with all its values: `key { … }` in UCL, `{"key": …}` in JSON.
std::string dump_entry(const UclObject& head, const DumpOptions& options = {});

// A scalar as it is written in that format, e.g. "\"text\"", "15.0", "true".
std::string dump_scalar(const UclObject& value, DumpFormat format);
std::string json_quote(std::string_view text);

}  // namespace winnow
