// Sealing: what a batch found out about each row moves into that row's case, and the batch is
// free again.
//
// The logs are in the order in which stages and checks wrote them; one stable counting sort by row
// makes them CSR. Hits of one atom are merged (counts add up to match_count_max, the first place
// stays) and sorted by atom; symbols keep their order. Of one message hits_max log entries of each
// log are looked at; more sets kLimitHits.
//
// Views that point into the batch or the input are copied into the slab; a view that lies inside
// one just copied (host in URL, local part in address) is rebased instead of copied again.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/batch.h"
#include "engine/evidence.h"
#include "engine/limits.h"

namespace winnow {

struct SealPlan {
  uint64_t rules_identity = 0;
  uint32_t seals = 0;         // Sealed bits: what enabled judges read late
  std::vector<bool> headers;  // by HeaderId: read late; may be shorter than all
  Limits limits;
};

struct SealScratch {
  struct Log {
    std::vector<uint32_t> begin;  // [rows + 1]
    std::vector<uint32_t> order;  // indices into the log, by row
  };
  Log atoms, symbols;
  std::vector<uint64_t> keys;  // atom << 32 | position, of one row
};

// Fills out[row] for each row of the batch. REQUIRED: the stages and the content checks have run;
// out holds batch.rows distinct evidences. Label and source stay empty: they are the caller's.
void seal(const SealPlan& plan, SealScratch& scratch, const Batch& batch,
          std::span<Evidence* const> out);

}  // namespace winnow
