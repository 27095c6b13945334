// Addresses of providers that anybody may use, and links of redirectors, by the lists in
// rules/conf/maps.d.
#include <algorithm>
#include <array>
#include <vector>

#include "rules/checks/check.h"
#include "rules/checks/row.h"
#include "rules/checks/text.h"
#include "rules/config/embedded.h"

namespace winnow {

namespace {

// Both halves have the same order: what is said of a freemail provider's address, then of a
// disposable one's.
enum Sym : uint32_t {
  kFreeFrom,
  kFreeReplyTo,
  kFreeTo,
  kFreeCc,
  kFreeMdn,
  kFreeEnvFrom,
  kFreeEnvRcpt,
  kDispFrom,
  kDispReplyTo,
  kDispTo,
  kDispCc,
  kDispMdn,
  kDispEnvFrom,
  kDispEnvRcpt,
  kReplyNeqFrom,
  kRedirector,
  kCount
};

constexpr std::array<SymbolDecl, kCount> kSymbols{{
    {"FREEMAIL_FROM", "multimap", 0, "From is at a freemail provider."},
    {"FREEMAIL_REPLYTO", "multimap", 0, "Reply-To is at a freemail provider."},
    {"FREEMAIL_TO", "multimap", 0, "A recipient is at a freemail provider."},
    {"FREEMAIL_CC", "multimap", 0, "A Cc is at a freemail provider."},
    {"FREEMAIL_MDN", "multimap", 0, "The receipt goes to a freemail provider."},
    {"FREEMAIL_ENVFROM", "multimap", 0, "The envelope sender is at a freemail provider."},
    {"FREEMAIL_ENVRCPT", "multimap", 0, "An envelope recipient is at a freemail provider."},
    {"DISPOSABLE_FROM", "multimap", 0, "From is a disposable address."},
    {"DISPOSABLE_REPLYTO", "multimap", 0, "Reply-To is a disposable address."},
    {"DISPOSABLE_TO", "multimap", 0, "A recipient is a disposable address."},
    {"DISPOSABLE_CC", "multimap", 0, "A Cc is a disposable address."},
    {"DISPOSABLE_MDN", "multimap", 0.5, "The receipt goes to a disposable address."},
    {"DISPOSABLE_ENVFROM", "multimap", 0, "The envelope sender is a disposable address."},
    {"DISPOSABLE_ENVRCPT", "multimap", 0, "An envelope recipient is a disposable address."},
    {"FREEMAIL_REPLYTO_NEQ_FROM_DOM", "headers", 3,
     "Reply-To and From are at different freemail providers."},
    {"REDIRECTOR_URL", "multimap", 0, "A link goes through a redirector.", true},
}};

// Lower-case domains, sorted; views of static storage.
using Domains = std::vector<std::string_view>;

Domains read_list(std::string_view path) {
  Domains out;
  std::string_view rest = embedded_file(embedded_policy(), path).bytes;
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    if (!line.empty() && line[0] != '#') out.push_back(line);
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  std::ranges::sort(out);
  return out;
}

struct Plan : CheckPlan {
  Domains free, disposable, redirectors;
};

std::unique_ptr<CheckPlan> compile(CompileContext&) {
  auto plan = std::make_unique<Plan>();
  plan->free = read_list("maps.d/freemail.map");
  plan->disposable = read_list("maps.d/disposable.map");
  plan->redirectors = read_list("maps.d/redirectors.map");
  return plan;
}

bool has(const Domains& list, std::string_view domain) {
  return std::ranges::binary_search(list, domain);
}

uint32_t place_of(AddressField field) {
  switch (field) {
    case AddressField::kFrom:
      return kFreeFrom;
    case AddressField::kReplyTo:
      return kFreeReplyTo;
    case AddressField::kTo:
      return kFreeTo;
    case AddressField::kCc:
      return kFreeCc;
    case AddressField::kDispositionNotificationTo:
      return kFreeMdn;
    default:
      return kCount;
  }
}

// Inserts what is known of `domain`, once for each symbol of a row.
void look(const Plan& plan, Batch& batch, uint32_t row, uint32_t place, std::string_view domain,
          std::array<std::string_view, kCount>& seen) {
  if (domain.empty()) return;
  const auto say = [&](uint32_t symbol) {
    insert(plan, batch, row, symbol, domain, seen[symbol].empty() ? 1 : 0);
    if (seen[symbol].empty()) seen[symbol] = domain;
  };
  if (has(plan.free, domain)) say(place);
  if (has(plan.disposable, domain)) say(place + kDispFrom);
}

void content(const CheckPlan& base, Batch& batch) {
  const auto& plan = static_cast<const Plan&>(base);
  for (uint32_t row = 0; row < batch.rows; ++row) {
    std::array<std::string_view, kCount> seen{};
    for (const Address& address : batch.addresses.row(row))
      if (const uint32_t place = place_of(address.field); place != kCount)
        look(plan, batch, row, place, address.domain, seen);
    look(plan, batch, row, kFreeEnvFrom, lowered(domain_of(batch.envelopes[row].from), batch.arena),
         seen);
    for (const std::string_view rcpt : batch.recipients.row(row))
      look(plan, batch, row, kFreeEnvRcpt, lowered(domain_of(rcpt), batch.arena), seen);
    if (!seen[kFreeFrom].empty() && !seen[kFreeReplyTo].empty() &&
        seen[kFreeFrom] != seen[kFreeReplyTo])
      insert(plan, batch, row, kReplyNeqFrom);
    for (const Url& url : batch.urls.row(row))
      if (has(plan.redirectors, url.domain)) insert(plan, batch, row, kRedirector, url.domain);
  }
}

}  // namespace

extern constexpr Check kAddressLists{
    .name = "address_lists",
    .text = "Looks addresses and links up in lists of freemail providers and redirectors.",
    .symbols = kSymbols,
    .compile = compile,
    .content = content,
};

}  // namespace winnow
