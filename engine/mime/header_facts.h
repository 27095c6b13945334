// What the message's own headers say beyond their text: addresses, Received hops, Date, Subject,
// Message-Id, and headers that stand twice although RFC 5322 3.6 allows them once.
#pragma once

#include <cstdint>

#include "engine/batch.h"
#include "engine/limits.h"
#include "engine/mime/header_scratch.h"

namespace winnow {

// REQUIRED: the headers of part 0 stand at the front of the open row of batch.headers, `root` of
// them, and all parts in that of batch.parts. Decodes raw headers by the first text
// (decode_by_text()). Fills the open rows of batch.addresses and batch.received (not closing them)
// and of batch.facts[row]: faults, date, date_zone_min, has_date, subject, message_id,
// message_id_value, root_headers.
void read_header_facts(const Limits& limits, HeaderScratch& scratch, uint32_t row, uint32_t root,
                       Batch& batch);

}  // namespace winnow
