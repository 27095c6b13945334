// What one thread needs while it works: a batch and the scratch of every stage. Kept from batch to
// batch, so that after warm-up nothing allocates.
#pragma once

#include <memory>
#include <vector>

#include "engine/batch.h"
#include "engine/content/content.h"
#include "engine/match/match.h"
#include "engine/mime/parse.h"
#include "engine/pages.h"
#include "engine/score/judge.h"
#include "engine/score/seal.h"
#include "engine/text/texts.h"
#include "engine/text/words.h"
#include "engine/url/urls.h"
#include "pipeline/run.h"
#include "rules/lang/function_atom.h"

namespace winnow {

struct Worker {
  explicit Worker(const Run& run) : match(run.rules().limits), functions(run.rules().limits) {}

  Batch batch;
  ParseScratch parse;
  TextScratch texts;
  UrlScratch urls;
  WordScratch words;
  MatchScratch match;
  FunctionScratch functions;
  SealScratch seal;
  JudgeScratch judge;
  std::vector<Evidence*> evidences;
  std::vector<std::string_view> recipients;
  std::vector<RequestHeader> request;
  Csr<std::string_view> completed_recipients;
  StageTimes times;
};

// A worker, and on the heap of the thread that makes it what its first batches need.
inline std::unique_ptr<Worker> make_worker(const Run& run) {
  constexpr size_t kFirstBatchesBytes = 8 << 20;
  warm_heap(kFirstBatchesBytes);
  return std::make_unique<Worker>(run);
}

}  // namespace winnow
