// One line a scanned message, in Rspamd's field order, so that what reads its logs reads ours.
// Pure. What mail says is bounded, and its control characters are escaped: no line can be forged.
#pragma once

#include <string>

#include "pipeline/service.h"

namespace winnow {

// Appends the line without its end.
void append_log_line(const Scanned& scanned, std::string& out);

}  // namespace winnow
