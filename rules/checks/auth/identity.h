// Who says that he sent the message: what SPF judges and DMARC aligns.
#pragma once

#include "engine/batch.h"
#include "rules/checks/row.h"

namespace winnow {

struct SpfIdentity {
  std::string_view local;
  std::string_view domain;  // empty where there is none to judge
};

// MAIL FROM, or for the null sender postmaster at the name of the client (RFC 7208 2.4). An
// address literal is no domain.
inline SpfIdentity spf_identity(const Envelope& envelope) {
  SpfIdentity identity{"postmaster", {}};
  if (envelope.from.empty()) {
    identity.domain = envelope.helo;
  } else if (envelope.from.find('@') == std::string_view::npos) {
    identity.domain = envelope.from;  // RFC 7208 4.3
  } else {
    identity.domain = domain_of(envelope.from);
    if (!local_of(envelope.from).empty()) identity.local = local_of(envelope.from);
  }
  if (identity.domain.starts_with('[')) identity.domain = {};
  return identity;
}

}  // namespace winnow
