// PDFs of any bytes through the check: it ends, says each thing once, and a second run says the
// same.
#include <cstdint>
#include <cstdlib>
#include <set>

#include "rules/checks/check.h"
#include "tests/fuzz/require.h"

namespace winnow {
extern const Check kPdf;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace winnow;
  CheckPlan plan;
  for (uint32_t i = 0; i < kPdf.symbols.size(); ++i) plan.symbols.push_back(SymbolId{i});
  size_t symbols = 0;
  for (int round = 0; round < 2; ++round) {
    Batch batch;
    batch.add("", 0, Envelope(), {});
    Part part;
    part.detected = {"application/pdf", "pdf"};
    part.decoded = {reinterpret_cast<const char*>(data), size};
    batch.parts.values.push_back(part);
    batch.parts.end_row();
    kPdf.content(plan, batch);
    std::set<SymbolId> seen;
    for (const SymbolHit& hit : batch.symbols) {
      require(seen.insert(hit.symbol).second);
      require(hit.weight > 0 && hit.weight <= 1);
    }
    if (round == 0) symbols = batch.symbols.size();
    require(symbols == batch.symbols.size());
  }
  return 0;
}
