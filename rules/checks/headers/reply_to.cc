// The Reply-To header against From and To.
#include <array>

#include "rules/checks/check.h"
#include "rules/checks/row.h"
#include "rules/checks/text.h"

namespace winnow {

namespace {

enum Sym : uint32_t {
  kHas,
  kUnparseable,
  kInvalid,
  kEqFrom,
  kAddrEqFrom,
  kDnEqFromDn,
  kDomEqFromDom,
  kDomNeqFromDom,
  kDomEqToDom,
  kDomNeqToDom,
  kEqTo,
  kDomainLong,
  kLocalLong,
  kEmailHasTitle,
  kSpoof,
  kCount
};

constexpr std::array<SymbolDecl, kCount> kSymbols{{
    {"HAS_REPLYTO", "headers", 0, "Has a Reply-To address."},
    {"REPLYTO_UNPARSEABLE", "headers", 1, "Reply-To holds no address."},
    {"REPLYTO_INVALID", "headers", 1, "Reply-To's address breaks the address grammar."},
    {"REPLYTO_EQ_FROM", "headers", 0, "Reply-To is From, word by word."},
    {"REPLYTO_ADDR_EQ_FROM", "headers", 0, "Reply-To has From's address."},
    {"REPLYTO_DN_EQ_FROM_DN", "headers", 0, "Reply-To has From's display name."},
    {"REPLYTO_DOM_EQ_FROM_DOM", "headers", 0, "Reply-To is in From's domain."},
    {"REPLYTO_DOM_NEQ_FROM_DOM", "headers", 0, "Reply-To is in another domain than From."},
    {"REPLYTO_DOM_EQ_TO_DOM", "headers", 0, "Reply-To is in the recipient's domain."},
    {"REPLYTO_DOM_NEQ_TO_DOM", "headers", 0, "Reply-To is in another domain than To."},
    {"REPLYTO_EQ_TO_ADDR", "headers", 5, "Reply-To is the recipient, and this is no list."},
    {"REPLYTO_DOMAIN_LONG", "headers", 2, "Reply-To's domain is longer than 255 bytes."},
    {"REPLYTO_LOCALPART_LONG", "headers", 2, "Reply-To's local part is longer than 64 bytes."},
    {"REPLYTO_EMAIL_HAS_TITLE", "headers", 2, "Reply-To begins with the title of From's name."},
    {"SPOOF_REPLYTO", "headers", 6,
     "From pretends to be in the recipient's domain, replies go elsewhere."},
}};

struct Plan : CheckPlan {
  HeaderId off_list, x_list;
};

std::unique_ptr<CheckPlan> compile(CompileContext& context) {
  auto plan = std::make_unique<Plan>();
  plan->off_list = context.headers.add("X-To-Get-Off-This-List");
  plan->x_list = context.headers.add("X-List");
  return plan;
}

bool is_bulk(const Plan& plan, const Batch& batch, uint32_t row) {
  return find_header(batch, row, known::kListUnsubscribe) ||
         find_header(batch, row, known::kAutoSubmitted) || find_header(batch, row, plan.off_list) ||
         find_header(batch, row, plan.x_list);
}

void against_from(const Plan& plan, Batch& batch, uint32_t row, const Address& reply,
                  const Header& header, const Address& from, const Address* to) {
  const Header* const from_header = find_header(batch, row, known::kFrom);
  if (from_header && header.unfolded == from_header->unfolded) {
    insert(plan, batch, row, kEqFrom);
    return;
  }
  if (equal_caseless(reply.address, from.address))
    insert(plan, batch, row, kAddrEqFrom);
  else if (equal_caseless(reply.domain, from.domain))
    insert(plan, batch, row, kDomEqFromDom);
  else if (!to || !equal_caseless(reply.address, to->address))
    insert(plan, batch, row, kDomNeqFromDom);
  else if (!is_bulk(plan, batch, row))  // replies to the recipient itself: a list, or a trick
    insert(plan, batch, row, kEqTo);
  if (equal_caseless(reply.name, from.name)) insert(plan, batch, row, kDnEqFromDn);
  if (!from.name.empty())
    for (const std::string_view title : {"mr", "mrs", "dr"})
      if (starts_caseless(from.name, title) && from.name.size() > title.size() &&
          (from.name[title.size()] == '.' || from.name[title.size()] == ' ') &&
          starts_caseless(reply.address, title))
        insert(plan, batch, row, kEmailHasTitle);
}

void against_to(const Plan& plan, Batch& batch, uint32_t row, const Address& reply,
                const Address* from, const Address& to) {
  if (!equal_caseless(reply.address, to.address))
    insert(plan, batch, row, equal_caseless(reply.domain, to.domain) ? kDomEqToDom : kDomNeqToDom);
  if (!from || equal_caseless(from->address, to.address)) return;
  for (const std::string_view rcpt : batch.recipients.row(row)) {
    if (!equal_caseless(domain_of(rcpt), from->domain)) continue;
    if (!equal_caseless(reply.domain, from->domain)) {
      insert(plan, batch, row, kSpoof, from->domain);
      insert(plan, batch, row, kSpoof, reply.domain, 0);
    }
    return;
  }
}

void content(const CheckPlan& base, Batch& batch) {
  const auto& plan = static_cast<const Plan&>(base);
  for (uint32_t row = 0; row < batch.rows; ++row) {
    const Header* const header = find_header(batch, row, known::kReplyTo);
    if (!header) continue;
    const Address* const reply = find_address(batch, row, AddressField::kReplyTo);
    if (!reply) {
      insert(plan, batch, row, kUnparseable);
      continue;
    }
    insert(plan, batch, row, kHas, reply->address);
    if (!reply->valid) insert(plan, batch, row, kInvalid);
    if (reply->domain.size() > 255)
      insert(plan, batch, row, kDomainLong, number_text(batch.arena, reply->domain.size()));
    if (reply->local.size() > 64)
      insert(plan, batch, row, kLocalLong, number_text(batch.arena, reply->local.size()));
    const Address* const from = find_address(batch, row, AddressField::kFrom);
    const Address* const to = find_address(batch, row, AddressField::kTo);
    if (from) against_from(plan, batch, row, *reply, *header, *from, to);
    if (to) against_to(plan, batch, row, *reply, from, *to);
  }
}

}  // namespace

extern constexpr Check kReplyToCheck{
    .name = "reply_to",
    .text = "Compares Reply-To with From and To.",
    .symbols = kSymbols,
    .compile = compile,
    .content = content,
};

}  // namespace winnow
