// The parse stage: raw messages to headers, parts, addresses, Received hops and facts.
#pragma once

#include <vector>

#include "engine/batch.h"
#include "engine/limits.h"
#include "engine/mime/header_names.h"
#include "engine/mime/header_scratch.h"
#include "engine/mime/structure.h"
#include "engine/mime/tnef.h"

namespace winnow {

struct ParsePlan {
  const HeaderNames& names;
  Limits limits;
  bool digest = true;  // fill Facts::digest: a hash of every byte, as dear as all else here
};

// What one worker keeps from batch to batch: buffers whose capacity stays.
struct ParseScratch {
  HeaderScratch headers;
  StructureScratch structure;
};

// REQUIRED: intake filled `batch`, no other stage ran. Fills and closes headers, parts, addresses
// and received of every row, and facts. Part::detected, text and archive are left empty. Bad mail
// is faults on its row. Linear in the bytes of each message times its nesting (depth_max); no
// recursion.
void parse(const ParsePlan& plan, ParseScratch& scratch, Batch& batch);

}  // namespace winnow
