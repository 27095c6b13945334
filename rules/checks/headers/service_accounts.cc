// Senders that are accounts of servers: what a hacked web page sends as. And the accounts of which
// hosting panels say that they sent.
#include <algorithm>
#include <array>

#include "rules/checks/check.h"
#include "rules/checks/row.h"
#include "rules/checks/text.h"

namespace winnow {

namespace {

enum Sym : uint32_t { kEnvelope, kFrom, kPanelSender, kPanelVia, kCount };

constexpr std::array<SymbolDecl, kCount> kSymbols{{
    {"ENVFROM_SERVICE_ACCT", "compromised_hosts", 1, "The envelope sender is a server's account.",
     true},
    {"FROM_SERVICE_ACCT", "compromised_hosts", 1, "From or Reply-To is a server's account."},
    {"HAS_X_AS", "compromised_hosts", 0, "Names the authenticated sender of a hosting panel."},
    {"HAS_X_GMSV", "compromised_hosts", 0, "Says how a hosting panel found the sender."},
}};

struct Plan : CheckPlan {
  HeaderId sender{}, via{};
};

std::unique_ptr<CheckPlan> compile(CompileContext& context) {
  auto plan = std::make_unique<Plan>();
  plan->sender = context.headers.add("X-Authenticated-Sender");
  plan->via = context.headers.add("X-Get-Message-Sender-Via");
  return plan;
}

constexpr std::array<std::string_view, 9> kAccounts{
    "www-data", "anonymous", "ftp", "apache", "nobody", "guest", "nginx", "web", "www"};

bool is_account(std::string_view user) {
  return std::ranges::any_of(kAccounts,
                             [&](std::string_view one) { return equal_caseless(one, user); });
}

// The symbol where the header is, with the account that follows `mark` as its option.
void panel(const CheckPlan& plan, Batch& batch, uint32_t row, HeaderId id, std::string_view mark,
           Sym symbol) {
  const Header* const header = find_header(batch, row, id);
  if (!header) return;
  const size_t at = header->unfolded.find(mark);
  insert(plan, batch, row, symbol,
         at == std::string_view::npos ? std::string_view{}
                                      : trimmed(header->unfolded.substr(at + mark.size())));
}

void content(const CheckPlan& base, Batch& batch) {
  const auto& plan = static_cast<const Plan&>(base);
  for (uint32_t row = 0; row < batch.rows; ++row) {
    panel(plan, batch, row, plan.sender, ": ", kPanelSender);
    panel(plan, batch, row, plan.via, "authenticated_id: ", kPanelVia);
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
    .text = "Looks for senders that are accounts of servers or of hosting panels.",
    .symbols = kSymbols,
    .compile = compile,
    .content = content,
};

}  // namespace winnow
