// What the mail server said of the client's name.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/batch.h"

namespace winnow {

// Verified, or "unknown" where the server says that there is none; empty: it says nothing. A view
// into the batch.
inline std::string_view session_hostname(const Batch& batch, uint32_t row) {
  if (!batch.envelopes[row].hostname.empty()) return batch.envelopes[row].hostname;
  for (const RequestHeader& header : batch.request_headers.row(row))
    if (header.name == "hostname") return header.value;
  return {};
}

}  // namespace winnow
