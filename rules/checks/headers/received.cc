// The Received chain: how long, how much of it over TLS, whether the sender authenticated.
#include <algorithm>
#include <array>

#include "rules/checks/check.h"
#include "rules/checks/headers/count_band.h"
#include "rules/checks/row.h"
#include "rules/checks/text.h"

namespace winnow {

namespace {

enum Sym : uint32_t {
  kZero,
  kOne,
  kTwo,
  kThree,
  kFive,
  kSeven,
  kTwelve,
  kTlsAll,
  kTlsLast,
  kNoTlsLast,
  kAuth,
  kPreviously,
  kCount
};

constexpr std::array<SymbolDecl, kCount> kSymbols{{
    {"RCVD_COUNT_ZERO", "headers", 0, "No Received header."},
    {"RCVD_COUNT_ONE", "headers", 0, "One Received header."},
    {"RCVD_COUNT_TWO", "headers", 0, "Two Received headers."},
    {"RCVD_COUNT_THREE", "headers", 0, "Three or four Received headers."},
    {"RCVD_COUNT_FIVE", "headers", 0, "Five or six Received headers."},
    {"RCVD_COUNT_SEVEN", "headers", 0, "7 to 11 Received headers."},
    {"RCVD_COUNT_TWELVE", "headers", 0, "12 Received headers or more."},
    {"RCVD_TLS_ALL", "headers", 0, "Every hop used TLS.", false, true},
    {"RCVD_TLS_LAST", "headers", 0, "The last hop used TLS.", false, true},
    {"RCVD_NO_TLS_LAST", "headers", 0.1, "The last hop did not use TLS.", false, true},
    {"RCVD_VIA_SMTP_AUTH", "headers", 0, "A hop authenticated the sender.", false, true},
    {"PREVIOUSLY_DELIVERED", "headers", 0, "A Received names a recipient of To or Cc."},
}};

constexpr uint32_t kBands = kTwelve - kZero + 1;

bool has(const Received& hop, ReceivedFlag flag) { return hop.flags & static_cast<uint8_t>(flag); }

bool by_localhost(const Received& hop) {
  return equal_caseless(hop.by_hostname, "localhost") ||
         starts_caseless(hop.by_hostname, "localhost.");
}

// The client is another host than the one that the newest Received names: the mail came over one
// more hop, which no header tells of and of whose TLS nothing is known here.
bool is_unwritten_hop(const Envelope& envelope, std::span<const Received> hops) {
  if (!envelope.ip.valid() || hops.empty()) return false;
  const Received& newest = hops.front();
  return newest.real_ip.valid() && (newest.real_ip.family != envelope.ip.family ||
                                    !std::ranges::equal(newest.real_ip.bytes, envelope.ip.bytes));
}

void tls(const CheckPlan& plan, Batch& batch, uint32_t row, std::span<const Received> hops,
         bool unwritten) {
  if (hops.empty()) return;
  bool all = true, any = false;
  for (const Received& hop : hops) {
    if (hop.by_hostname.empty() || by_localhost(hop)) continue;
    any = true;
    all &= has(hop, ReceivedFlag::kTls);
  }
  if (any && all) {
    insert(plan, batch, row, kTlsAll);
    return;
  }
  if (unwritten) {
    insert(plan, batch, row, kNoTlsLast);
    return;
  }
  const Received& last = by_localhost(hops[0]) && hops.size() > 1 ? hops[1] : hops[0];
  insert(plan, batch, row, has(last, ReceivedFlag::kTls) ? kTlsLast : kNoTlsLast);
}

void delivered_before(const CheckPlan& plan, Batch& batch, uint32_t row,
                      std::span<const Received> hops) {
  for (const Received& hop : hops) {
    if (hop.for_address.empty()) continue;
    for (const Address& address : batch.addresses.row(row))
      if ((address.field == AddressField::kTo || address.field == AddressField::kCc) &&
          equal_caseless(address.address, hop.for_address)) {
        insert(plan, batch, row, kPreviously, hop.for_address);
        return;
      }
    return;  // only the first hop that names somebody counts
  }
}

void content(const CheckPlan& plan, Batch& batch) {
  for (uint32_t row = 0; row < batch.rows; ++row) {
    const std::span<const Received> hops = batch.received.row(row);
    uint32_t real = 0;
    bool auth = false;
    for (const Received& hop : hops) {
      real += !has(hop, ReceivedFlag::kArtificial);
      auth |= has(hop, ReceivedFlag::kAuthenticated);
    }
    insert(plan, batch, row, kZero + count_band(real, kBands), number_text(batch.arena, real));
    const Envelope& envelope = batch.envelopes[row];
    const bool unwritten = is_unwritten_hop(envelope, hops);
    if (auth || (unwritten && !envelope.user.empty())) insert(plan, batch, row, kAuth);
    tls(plan, batch, row, hops, unwritten);
    delivered_before(plan, batch, row, hops);
  }
}

}  // namespace

extern constexpr Check kReceivedCheck{
    .name = "received",
    .text = "Counts Received headers and looks at TLS and authentication of the hops.",
    .symbols = kSymbols,
    .content = content,
};

}  // namespace winnow
