// Whether a message is signed at all; what the signatures are worth is for the checks that ask for
// keys.
#include <array>

#include "rules/checks/check.h"
#include "rules/checks/row.h"

namespace winnow {

namespace {

constexpr std::array<SymbolDecl, 1> kSymbols{{
    {"R_DKIM_NA", "dkim", 0, "Has no DKIM signature.", true},
}};

void content(const CheckPlan& plan, Batch& batch) {
  for (uint32_t row = 0; row < batch.rows; ++row)
    if (!find_header(batch, row, known::kDkimSignature) && !is_trusted(batch.envelopes[row]))
      insert(plan, batch, row, 0);
}

}  // namespace

extern constexpr Check kSignaturesThere{
    .name = "signatures",
    .text = "Looks whether a message is signed.",
    .symbols = kSymbols,
    .content = content,
};

}  // namespace winnow
