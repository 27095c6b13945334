// What one thread needs while it works: a batch and the scratch of every stage. Kept from batch to
// batch, so that after warm-up nothing allocates.
#pragma once

#include "engine/batch.h"
#include "engine/content/content.h"
#include "engine/match/match.h"
#include "engine/mime/parse.h"
#include "engine/score/judge.h"
#include "engine/score/seal.h"
#include "engine/text/texts.h"
#include "engine/text/words.h"
#include "engine/url/urls.h"
#include "pipeline/run.h"
#include "rules/lang/function_atom.h"

namespace winnow {

// What the heap of a thread is given (warm_heap) that makes a worker, for its first batches.
constexpr size_t kWorkerHeapBytes = 8 << 20;

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

}  // namespace winnow
