// What a key that DNS gave says of a signature: the same for DKIM-Signature and for both kinds of
// ARC header (RFC 6376 6.1.2, 6.1.3; RFC 8301 for the length of keys).
#pragma once

#include "engine/evidence.h"
#include "rules/checks/auth/dkim_signature.h"

namespace winnow {

enum class DkimResult : uint8_t {
  kGood,
  kBad,       // body or signature do not verify
  kPermFail,  // no key, a revoked one, or one that may not or cannot sign this
  kTempFail,  // the key is not known
};

// SELECTOR._domainkey.DOMAIN; empty where DNS cannot hold it.
DnsName key_name(const DkimSignature& signature);

// `answer`: to TXT of key_name(); null where that is empty. Costs one public-key operation.
DkimResult judge_signature(const DkimSignature& signature, const Answer* answer);

}  // namespace winnow
