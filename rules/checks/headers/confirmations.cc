// Headers that ask for a confirmation, to somebody else than the sender.
#include <array>

#include "engine/mime/addr_spec.h"
#include "engine/mime/addresses.h"
#include "rules/checks/check.h"
#include "rules/checks/row.h"
#include "rules/checks/text.h"

namespace winnow {

namespace {

enum Sym : uint32_t { kForgedMdn, kReading, kInfo, kCount };

constexpr std::array<SymbolDecl, kCount> kSymbols{{
    {"HEADER_FORGED_MDN", "headers", 2, "A receipt is wanted by somebody else than the sender."},
    {"HEADER_RCONFIRM_MISMATCH", "headers", 2, "A reading is to be confirmed to somebody else."},
    {"INFO_TO_INFO_LU", "headers", 2, "From info@ to info@, with a way to unsubscribe.", false,
     true},
}};

struct Plan : CheckPlan {
  HeaderId confirm_reading;
};

std::unique_ptr<CheckPlan> compile(CompileContext& context) {
  auto plan = std::make_unique<Plan>();
  plan->confirm_reading = context.headers.add("X-Confirm-Reading-To");
  return plan;
}

void receipt(const CheckPlan& plan, Batch& batch, uint32_t row) {
  const Envelope& envelope = batch.envelopes[row];
  if (!envelope.from_known) return;
  bool any = false;
  for (const Address& address : batch.addresses.row(row)) {
    if (address.field != AddressField::kDispositionNotificationTo || address.address.empty())
      continue;
    any = true;
    if (equal_caseless(address.address, envelope.from)) return;
  }
  if (any) insert(plan, batch, row, kForgedMdn);
}

void content(const CheckPlan& base, Batch& batch) {
  const auto& plan = static_cast<const Plan&>(base);
  for (uint32_t row = 0; row < batch.rows; ++row) {
    receipt(plan, batch, row);
    const Address* const from = find_address(batch, row, AddressField::kFrom);
    if (!from) continue;
    if (const Header* const reading = find_header(batch, row, plan.confirm_reading)) {
      std::string_view value = reading->decoded;
      if (const size_t open = value.find('<'); open != std::string_view::npos) {
        value.remove_prefix(open + 1);
        value = value.substr(0, value.find('>'));
      }
      const Address to = parse_one_address(value, batch.arena);
      if (!to.address.empty() && find_caseless(from->address, to.address) == std::string_view::npos)
        insert(plan, batch, row, kReading);
    }
    if (!equal_caseless(from->local, "info") || !find_header(batch, row, known::kListUnsubscribe))
      continue;
    for (const std::string_view rcpt : batch.recipients.row(row))
      if (equal_caseless(local_of(rcpt), "info")) {
        insert(plan, batch, row, kInfo);
        break;
      }
  }
}

}  // namespace

extern constexpr Check kConfirmations{
    .name = "confirmations",
    .text = "Looks at who is to receive confirmations.",
    .symbols = kSymbols,
    .compile = compile,
    .content = content,
};

}  // namespace winnow
