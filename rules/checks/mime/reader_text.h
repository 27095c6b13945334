// Parts that were written for a reader.
#pragma once

#include "engine/batch.h"

namespace winnow {

// Plain text or HTML. A report (message/delivery-status) is by its kind a text, too, and is none.
inline bool is_reader_text(const Part& part) {
  return part.type != "message" && (part.kind == PartKind::kText || part.kind == PartKind::kHtml);
}

}  // namespace winnow
