// What the mail server found out itself and says in its request (http_headers.cc). Where it says of
// a method what came of it, the check of that method is silent.
#pragma once

#include <algorithm>
#include <string_view>

#include "engine/batch.h"
#include "engine/evidence.h"

namespace winnow {

// Names of facts that never show, by method.
constexpr std::string_view kGivenSpf = "HTTP_HEADERS_SPF", kGivenDkim = "HTTP_HEADERS_DKIM",
                           kGivenDmarc = "HTTP_HEADERS_DMARC";

inline bool has_fact(const Evidence& evidence, SymbolId fact) {
  return fact != kNoId<SymbolId> &&
         std::ranges::find(evidence.symbols, fact, &SymbolFact::symbol) != evidence.symbols.end();
}
// In content(), of a check behind http_headers.
inline bool is_given(const Batch& batch, uint32_t row, SymbolId fact) {
  return fact != kNoId<SymbolId> && !batch.request_headers.row(row).empty() &&
         std::ranges::any_of(batch.symbols, [&](const SymbolHit& hit) {
           return hit.row == row && hit.symbol == fact;
         });
}

}  // namespace winnow
