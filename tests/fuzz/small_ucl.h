// A configuration of any bytes for what reads options of one; small, for UCL has a target of its
// own.
#pragma once

#include <memory>
#include <string_view>

#include "rules/config/ucl_parse.h"

// Null where the text is none.
inline std::unique_ptr<winnow::UclDocument> small_ucl(std::string_view text) {
  winnow::UclOptions options;
  options.limits.text_bytes_max = 1 << 16;
  options.limits.nodes_max = 10'000;
  auto read = winnow::parse_ucl(text, "/site.conf", options);
  if (!read || !read->document->root().is_object()) return nullptr;
  return std::move(read->document);
}
