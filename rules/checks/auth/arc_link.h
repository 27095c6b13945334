// One signature of an ARC chain as far as the message's bytes decide it: what is sealed into the
// evidence for the judges of ARC and DMARC.
#pragma once

#include "rules/checks/auth/arc_chain.h"
#include "rules/checks/auth/dkim_signature.h"

namespace winnow {

enum class ArcRole : uint8_t { kMessage, kSeal, kFault };
enum class Recorded : uint8_t { kOther, kPass, kFail };

struct ArcLink {
  ArcRole role = ArcRole::kMessage;
  uint8_t instance = 0;
  Recorded dmarc = Recorded::kOther;  // what the set's ARC-Authentication-Results say
  Recorded spf = Recorded::kOther;
  DkimSignature signature;
};

// As bytes: role:u8 instance:u8 dmarc:u8 spf:u8, then as pack_signature().
std::string_view pack_arc_link(const ArcLink& link, Arena& arena);
// False where the bytes are none of these (a fault is none). Views point into them.
bool unpack_arc_link(std::string_view bytes, ArcLink& out);

}  // namespace winnow
