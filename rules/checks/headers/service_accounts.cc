// Senders that are accounts of servers: what a hacked web page sends as.
#include <algorithm>
#include <array>

#include "rules/checks/check.h"
#include "rules/checks/row.h"
#include "rules/checks/text.h"

namespace winnow {

namespace {

enum Sym : uint32_t { kEnvelope, kFrom, kCount };

constexpr std::array<SymbolDecl, kCount> kSymbols{{
    {"ENVFROM_SERVICE_ACCT", "compromised_hosts", 1, "The envelope sender is a server's account.",
     true},
    {"FROM_SERVICE_ACCT", "compromised_hosts", 1, "From or Reply-To is a server's account."},
}};

constexpr std::array<std::string_view, 9> kAccounts{
    "www-data", "anonymous", "ftp", "apache", "nobody", "guest", "nginx", "web", "www"};

bool is_account(std::string_view user) {
  return std::ranges::any_of(kAccounts,
                             [&](std::string_view one) { return equal_caseless(one, user); });
}

void content(const CheckPlan& plan, Batch& batch) {
  for (uint32_t row = 0; row < batch.rows; ++row) {
    const std::string_view sender = batch.envelopes[row].from;
    if (domain_of(sender).size() > 0 && is_account(local_of(sender)))
      insert(plan, batch, row, kEnvelope);
    for (const AddressField field :
         {AddressField::kFrom, AddressField::kSender, AddressField::kReplyTo}) {
      const Address* const address = find_address(batch, row, field);
      if (!address || !is_account(address->local)) continue;
      insert(plan, batch, row, kFrom);
      break;
    }
  }
}

}  // namespace

extern constexpr Check kServiceAccounts{
    .name = "service_accounts",
    .text = "Looks for senders that are accounts of servers.",
    .symbols = kSymbols,
    .content = content,
};

}  // namespace winnow
