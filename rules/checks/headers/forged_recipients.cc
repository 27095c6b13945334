// Recipients of the envelope that the headers do not name, while the headers name others.
#include <algorithm>
#include <array>

#include "rules/checks/check.h"
#include "rules/checks/row.h"
#include "rules/checks/text.h"

namespace winnow {

namespace {

constexpr std::array<SymbolDecl, 1> kSymbols{{
    {"FORGED_RECIPIENTS", "headers", 2, "To and Cc name other people than the envelope."},
}};

// Of each side; enough to tell a list of strangers, and it bounds the pairs that are compared.
constexpr size_t kLookedAt = 100;

// A recipient of the envelope that the message accounts for otherwise than in To, Cc or Bcc.
bool is_excused(const Batch& batch, uint32_t row, std::string_view rcpt) {
  const Envelope& envelope = batch.envelopes[row];
  if (equal_caseless(rcpt, envelope.user) || equal_caseless(rcpt, envelope.from)) return true;
  for (const Address& address : batch.addresses.row(row))
    if (address.field == AddressField::kDeliveredTo && equal_caseless(address.address, rcpt))
      return true;
  return false;
}

bool fits(std::string_view rcpt, const Address& address) {
  return equal_caseless(rcpt, address.address) || equal_caseless(domain_of(rcpt), address.domain);
}

void content(const CheckPlan& plan, Batch& batch) {
  for (uint32_t row = 0; row < batch.rows; ++row) {
    const auto all = batch.recipients.row(row);
    const auto envelope = all.first(std::min(all.size(), kLookedAt));
    std::array<const Address*, kLookedAt> named;
    size_t count = 0;
    for (const Address& address : batch.addresses.row(row))
      if (is_recipient(address) && count < kLookedAt) named[count++] = &address;
    if (envelope.empty() || count == 0) continue;
    const std::span<const Address* const> headers(named.data(), count);

    const auto is_foreign = [&](std::string_view rcpt) {
      return std::ranges::none_of(headers, [&](const Address* a) { return fits(rcpt, *a); }) &&
             !is_excused(batch, row, rcpt);
    };
    const auto is_absent = [&](const Address* address) {
      return std::ranges::none_of(envelope,
                                  [&](std::string_view rcpt) { return fits(rcpt, *address); });
    };
    if (std::ranges::none_of(envelope, is_foreign) || std::ranges::none_of(headers, is_absent))
      continue;
    double weight = 1;  // once, however many options follow
    for (const Address* const address : headers)
      if (is_absent(address)) {
        insert(plan, batch, row, 0, join_text(batch.arena, "m:", address->address), weight);
        weight = 0;
      }
    for (const std::string_view rcpt : envelope)
      if (is_foreign(rcpt)) insert(plan, batch, row, 0, join_text(batch.arena, "s:", rcpt), 0);
  }
}

}  // namespace

extern constexpr Check kForgedRecipients{
    .name = "forged_recipients",
    .text = "Compares the recipients of headers and envelope.",
    .symbols = kSymbols,
    .content = content,
};

}  // namespace winnow
