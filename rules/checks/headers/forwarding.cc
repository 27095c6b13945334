// Mail that was forwarded, by the marks that forwarders leave, and tagged addresses (user+tag@).
#include <array>

#include "rules/checks/check.h"
#include "rules/checks/row.h"
#include "rules/checks/text.h"

namespace winnow {

namespace {

enum Sym : uint32_t {
  kGoogle,
  kSrs,
  kSieve,
  kCpanel,
  kYandex,
  kMailru,
  kForwarded,
  kTaggedFrom,
  kTaggedRcpt,
  kCount
};

constexpr std::array<SymbolDecl, kCount> kSymbols{{
    {"FWD_GOOGLE", "forwarding", 0, "Forwarded by Google."},
    {"FWD_SRS", "forwarding", 0, "Forwarded, with the sender rewritten (SRS)."},
    {"FWD_SIEVE", "forwarding", 0, "Forwarded by a Sieve script."},
    {"FWD_CPANEL", "forwarding", 0, "Forwarded by cPanel."},
    {"FWD_YANDEX", "forwarding", 0, "Forwarded by Yandex."},
    {"FWD_MAILRU", "forwarding", 0, "Forwarded by Mail.ru."},
    {"FORWARDED", "forwarding", 0, "Was delivered to another address before."},
    {"TAGGED_FROM", "headers", 0, "The sender's address has a +tag."},
    {"TAGGED_RCPT", "headers", 0, "A recipient's address has a +tag."},
}};

struct Plan : CheckPlan {
  HeaderId sieve, rewrite, yandex, mailru;
};

std::unique_ptr<CheckPlan> compile(CompileContext& context) {
  auto plan = std::make_unique<Plan>();
  plan->sieve = context.headers.add("X-Sieve-Redirected-From");
  plan->rewrite = context.headers.add("From-Rewrite");
  plan->yandex = context.headers.add("X-Yandex-Forward");
  plan->mailru = context.headers.add("X-MailRu-Forward");
  return plan;
}

// user+tag: the address without its tags.
struct Untagged {
  std::string_view user;
  std::string_view tags;  // "a+b"; empty if there are none
};
Untagged untagged(std::string_view local) {
  const size_t plus = local.find('+');
  if (plus == std::string_view::npos || plus == 0) return {local, {}};
  return {local.substr(0, plus), local.substr(plus + 1)};
}

bool same_mailbox(std::string_view a, std::string_view b) {
  return equal_caseless(untagged(local_of(a)).user, untagged(local_of(b)).user) &&
         equal_caseless(domain_of(a), domain_of(b));
}

void by_sender(const Plan& plan, Batch& batch, uint32_t row, std::string_view rcpt) {
  const std::string_view user = local_of(batch.envelopes[row].from);
  const std::string_view rcpt_user = local_of(rcpt), rcpt_host = domain_of(rcpt);
  if (const size_t mark = find_caseless(user, "+caf_="); mark != std::string_view::npos) {
    const std::string_view whom = user.substr(mark + 6);
    if (equal_caseless(whom, join_text(batch.arena, rcpt_user, "=", rcpt_host)))
      insert(
          plan, batch, row, kGoogle,
          join_text(batch.arena, user.substr(0, mark), "@", domain_of(batch.envelopes[row].from)));
  }
  if (!starts_caseless(user, "srs0=") && !starts_caseless(user, "srs1=")) return;
  if (find_caseless(user, join_text(batch.arena, "=", rcpt_host, "=", rcpt_user)) !=
      std::string_view::npos)
    insert(plan, batch, row, kSrs);
  if (find_header(batch, row, plan.sieve)) insert(plan, batch, row, kSieve);
  const Header* const rewrite = find_header(batch, row, plan.rewrite);
  if (rewrite && find_caseless(rewrite->decoded, "forwarded message") != std::string_view::npos)
    insert(plan, batch, row, kCpanel);
}

void by_client(const Plan& plan, Batch& batch, uint32_t row) {
  const std::string_view host = batch.envelopes[row].hostname;
  if (host.size() > 8 && equal_caseless(host.substr(host.size() - 8), ".mail.ru") &&
      find_header(batch, row, plan.mailru))
    insert(plan, batch, row, kMailru);
  const size_t yandex = find_caseless(host, ".yandex.");
  if (yandex != std::string_view::npos && host.find('.', yandex + 8) == std::string_view::npos &&
      find_header(batch, row, plan.yandex))
    insert(plan, batch, row, kYandex);
}

// The newest hop that names whom it was for names somebody else than the envelope does.
void by_hops(const CheckPlan& plan, Batch& batch, uint32_t row, std::string_view rcpt) {
  for (const Received& hop : batch.received.row(row)) {
    if (hop.for_address.empty()) continue;
    if (same_mailbox(hop.for_address, rcpt)) return;
    const Address* const to = find_address(batch, row, AddressField::kTo);
    if (to && find_header(batch, row, known::kListUnsubscribe) &&
        equal_caseless(to->address, hop.for_address))
      return;
    const std::span<char> whom = batch.arena.alloc<char>(hop.for_address.size());
    std::ranges::transform(hop.for_address, whom.begin(), lower_ascii);
    insert(plan, batch, row, kForwarded, {whom.data(), whom.size()});
    return;
  }
}

// One option a tag.
void tags(const CheckPlan& plan, Batch& batch, uint32_t row, Sym symbol, std::string_view local,
          double& weight) {
  std::string_view rest = untagged(local).tags;
  while (!rest.empty()) {
    const size_t plus = rest.find('+');
    const std::string_view tag = rest.substr(0, plus);
    if (!tag.empty()) {
      insert(plan, batch, row, symbol, tag, weight);
      weight = 0;
    }
    if (plus == std::string_view::npos) return;
    rest.remove_prefix(plus + 1);
  }
}

void tagged(const CheckPlan& plan, Batch& batch, uint32_t row) {
  double from_weight = 1, rcpt_weight = 1;
  tags(plan, batch, row, kTaggedFrom, local_of(batch.envelopes[row].from), from_weight);
  for (const std::string_view rcpt : batch.recipients.row(row))
    tags(plan, batch, row, kTaggedRcpt, local_of(rcpt), rcpt_weight);
  for (const Address& address : batch.addresses.row(row)) {
    if (address.field == AddressField::kFrom)
      tags(plan, batch, row, kTaggedFrom, address.local, from_weight);
    else if (is_recipient(address))
      tags(plan, batch, row, kTaggedRcpt, address.local, rcpt_weight);
  }
}

void content(const CheckPlan& base, Batch& batch) {
  const auto& plan = static_cast<const Plan&>(base);
  for (uint32_t row = 0; row < batch.rows; ++row) {
    tagged(plan, batch, row);
    by_client(plan, batch, row);
    if (batch.recipients.row(row).size() != 1) continue;
    const std::string_view rcpt = batch.recipients.row(row)[0];
    by_sender(plan, batch, row, rcpt);
    by_hops(plan, batch, row, rcpt);
  }
}

}  // namespace

extern constexpr Check kForwarding{
    .name = "forwarding",
    .text = "Recognises forwarded mail and tagged addresses.",
    .symbols = kSymbols,
    .compile = compile,
    .content = content,
};

}  // namespace winnow
