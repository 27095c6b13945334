// URLs and addresses of a message for who names them in a reply, though no rule reads them late.
#pragma once

#include <cstdint>

#include "engine/batch.h"
#include "engine/evidence.h"

namespace winnow {

// Copies those of one row, unless they are there. REQUIRED: seal() has filled `out` from the batch.
void seal_links(const Batch& batch, uint32_t row, Evidence& out);

}  // namespace winnow
