// Authentication-Results (RFC 8601) out of what SPF, DKIM, DMARC and ARC inserted.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rules/checks/check.h"

namespace winnow {

// Which symbol means which result.
struct ResultSymbol {
  std::string_view result;  // "pass", "fail" …
  SymbolId symbol = kNoId<SymbolId>;
};

struct AuthenticationPlan {
  std::vector<ResultSymbol> spf, dkim, dmarc, arc;
  SymbolId signature = kNoId<SymbolId>;  // fact of a DKIM signature, packed
  bool add_smtp_user = true;
};

// Finds the symbols; `options` (may be null) is the routine's own section.
AuthenticationPlan make_authentication_plan(const CompileContext& context,
                                            const UclObject* options);

// Appends the header's value: `host;\n\tdkim=…;\n\tspf=…;\n\tdmarc=…`, or `host;\n\tnone`. `host`
// is the envelope's mta_name, else `host_name`. False, and nothing, where neither is known.
bool append_authentication_results(const AuthenticationPlan& plan, const EditInput& input,
                                   std::string& out);

// Appends text that may stand in a header: control characters become blanks, at most 512 bytes.
void append_header_text(std::string_view text, std::string& out);

// The symbol of a verdict, null where it is not there.
const VerdictSymbol* find_symbol(const Verdict& verdict, SymbolId symbol);

}  // namespace winnow
