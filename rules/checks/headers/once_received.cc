// Mail straight from its writer's machine: one hop, from a client that does not look like a mail
// server.
#include <array>

#include "rules/checks/check.h"
#include "rules/checks/row.h"
#include "rules/checks/text.h"

namespace winnow {

namespace {

enum Sym : uint32_t { kOnce, kStrict, kDirect, kCount };

constexpr std::array<SymbolDecl, kCount> kSymbols{{
    {"ONCE_RECEIVED", "headers", 0.1, "At most one hop, from no known mail server."},
    {"ONCE_RECEIVED_STRICT", "headers", 4, "At most one hop, from a dial-up or rented host."},
    {"DIRECT_TO_MX", "headers", 0, "A mail program delivered by itself."},
}};

bool has_word(std::string_view host, std::string_view word) {
  return find_caseless(host, word) != std::string_view::npos;
}

void content(const CheckPlan& plan, Batch& batch) {
  for (uint32_t row = 0; row < batch.rows; ++row) {
    const Envelope& envelope = batch.envelopes[row];
    if (is_trusted(envelope)) continue;
    uint32_t real = 0;
    for (const Received& hop : batch.received.row(row))
      real += !(hop.flags & static_cast<uint8_t>(ReceivedFlag::kArtificial));
    if (real > 1) continue;
    if (envelope.hostname.empty()) {
      insert(plan, batch, row, kOnce);
      const Header* mailer = find_header(batch, row, known::kUserAgent);
      if (!mailer) mailer = find_header(batch, row, known::kXMailer);
      if (mailer) insert(plan, batch, row, kDirect, mailer->decoded);
      continue;
    }
    if (has_word(envelope.hostname, "mail")) continue;
    insert(plan, batch, row, kOnce);
    for (const std::string_view word : {"static", "dynamic"})
      if (has_word(envelope.hostname, word)) {
        insert(plan, batch, row, kStrict, word);
        break;
      }
  }
}

}  // namespace

extern constexpr Check kOnceReceived{
    .name = "once_received",
    .text = "Looks for mail that came straight from its writer's machine.",
    .symbols = kSymbols,
    .content = content,
};

}  // namespace winnow
