// The content stage: what each part's bytes are, and what archives hold.
#pragma once

#include "engine/batch.h"
#include "engine/limits.h"

namespace winnow {

struct ContentPlan {
  const Limits* limits = nullptr;
};

// Needs phase parse; fills parts[].detected and parts[].archive of every leaf part, the columns
// archives and archive_members, and their faults, for all rows. Allocates from the heap only
// where libarchive reads an archive.
void content(const ContentPlan& plan, Batch& batch);

}  // namespace winnow
