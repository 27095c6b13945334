// Sealing (RFC 8617 5.1): the set that this host adds to mail which it passes on.
#pragma once

#include "rules/checks/auth/signing.h"
#include "rules/checks/outcome/authentication_results.h"

namespace winnow {

struct ArcSealing {
  std::unique_ptr<const SigningPolicy> policy;  // null: nothing is sealed
  AuthenticationPlan results;
  SymbolId fact = kNoId<SymbolId>;    // a packed SignedMail
  SymbolId symbol = kNoId<SymbolId>;  // says that it was sealed
  SymbolId violation = kNoId<SymbolId>, allow = kNoId<SymbolId>, reject = kNoId<SymbolId>;
  bool reuses_results = false;
  std::string trusted_authserv_id;  // of results that are reused; empty: any
};

ArcSealing compile_sealing(CompileContext& context);
std::string_view seal_symbol_name(const CompileContext& context);

// The steps of a check that signs (signing.h).
void leave_for_sealing(const ArcSealing& sealing, Batch& batch);
void ask_for_sealing(const ArcSealing& sealing, const Batch& batch, Asker& asker);
Judged judge_sealing(const ArcSealing& sealing, const Evidence& evidence, Judgement& judgement);
void edit_sealing(const ArcSealing& sealing, const EditInput& input, std::vector<Edit>& edits);

}  // namespace winnow
