// Whose mail it is: it comes from outside, goes outside, or stays between domains of the site
// (local_domains); and addresses that are another name of somebody: by tables of aliases, +tags,
// or the dots that Gmail does not see.
//
// Addresses are looked at and told of, never changed: every other rule reads them as they are. Of
// several targets of an alias the first is followed, at most max_recursion_depth times.
#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "rules/checks/check.h"
#include "rules/checks/option_map.h"
#include "rules/checks/row.h"
#include "rules/checks/text.h"
#include "rules/config/ucl.h"
#include "rules/maps/map.h"

namespace winnow {

namespace {

constexpr uint32_t kToldMax = 32;  // addresses of one message that are told of

enum Sym : uint32_t { kInbound, kOutbound, kInternal, kResolved, kCount };

constexpr std::array<SymbolDecl, kCount> kSymbols{{
    {"LOCAL_INBOUND", "headers", 0, "Mail from outside to a domain of ours."},
    {"LOCAL_OUTBOUND", "headers", 0, "Mail of ours that goes outside."},
    {"INTERNAL_MAIL", "headers", 0, "Mail between domains of ours."},
    {"ALIAS_RESOLVED", "headers", 0, "An address is another name of somebody."},
}};

constexpr std::array kOptions{
    OptionDecl{"local_domains", OptionType::kMap, "", "Domains handled here."},
    OptionDecl{"rspamd_aliases", OptionType::kObject, "", "Aliases: target by address."},
    OptionDecl{"virtual_aliases", OptionType::kMap, "", "Aliases in Postfix's virtual form."},
    OptionDecl{"system_aliases", OptionType::kMap, "", "Aliases in the form of /etc/aliases."},
    OptionDecl{"max_recursion_depth", OptionType::kInteger, "10", "Longest chain that is followed.",
               1, 100},
    OptionDecl{"enable_gmail_rules", OptionType::kBool, "true", "Gmail sees no dots and no +tag."},
    OptionDecl{"enable_plus_aliases", OptionType::kBool, "true", "A +tag names the same mailbox."},
    OptionDecl{"apply_to_smtp", OptionType::kBool, "true", "Addresses of the envelope."},
    OptionDecl{"apply_to_mime", OptionType::kBool, "true", "Addresses of headers."},
};

constexpr std::array<std::string_view, 1> kAfter{"forwarding"};
constexpr std::array<std::string_view, 7> kForwardedBy{
    "FORWARDED", "FWD_GOOGLE", "FWD_SRS", "FWD_SIEVE", "FWD_CPANEL", "FWD_YANDEX", "FWD_MAILRU"};

using Alias = std::pair<std::string, std::string>;  // address in lower case, target

struct Plan : CheckPlan {
  std::shared_ptr<const Map> domains, virtuals, system;  // null: none
  std::vector<Alias> own;
  std::array<SymbolId, kForwardedBy.size()> forwarded;
  int64_t steps = 10;
  bool gmail = true, plus = true, smtp = true, mime = true;

  bool is_local(std::string_view address) const {
    return domains && domains->find(domain_of(address)) != kNoIndex;
  }
};

// A path, or an object that names one ({ type = "file"; path = "…" }, { url = "…" }).
std::shared_ptr<const Map> table(CompileContext& context, std::string_view option) {
  const UclObject* value = context.options ? context.options->find(option) : nullptr;
  if (value && value->is_object()) {
    const UclObject* const path = value->find("path");
    value = path ? path : value->find("url") ? value->find("url") : value;
  }
  return value ? context.map_of(*value, MapKind::kHash) : nullptr;
}

std::unique_ptr<CheckPlan> compile(CompileContext& context) {
  auto plan = std::make_unique<Plan>();
  for (size_t i = 0; i < kForwardedBy.size(); ++i)
    plan->forwarded[i] = context.symbol(kForwardedBy[i]);
  const UclObject* const options = context.options;
  if (!options) return plan;
  plan->domains = option_map(context, options, "local_domains", MapKind::kSet);
  plan->virtuals = table(context, "virtual_aliases");
  plan->system = table(context, "system_aliases");
  if (const UclObject* const own = options->find("rspamd_aliases"))
    for (const UclObject& one : own->last_value().children())
      for (const UclObject* const target : one.list())
        plan->own.emplace_back(lowered(one.key()), target->text());
  std::ranges::stable_sort(plan->own, {}, &Alias::first);
  plan->steps = options->integer("max_recursion_depth", plan->steps);
  plan->gmail = options->flag("enable_gmail_rules", true);
  plan->plus = options->flag("enable_plus_aliases", true);
  plan->smtp = options->flag("apply_to_smtp", true);
  plan->mime = options->flag("apply_to_mime", true);
  return plan;
}

// The mailbox behind an address of Gmail, or the address itself.
std::string_view gmail_box(std::string_view address, Arena& arena) {
  const std::string_view domain = domain_of(address), local = local_of(address);
  if (!equal_caseless(domain, "gmail.com") && !equal_caseless(domain, "googlemail.com"))
    return address;
  const std::string_view user = local.substr(0, local.find('+'));
  if (user.size() == local.size() && user.find('.') == std::string_view::npos) return address;
  char* const to = arena.alloc_bytes(user.size());
  const auto end = std::ranges::copy_if(user, to, [](char c) { return c != '.'; }).out;
  return join_text(arena, std::string_view(to, static_cast<size_t>(end - to)), "@", domain);
}

std::string_view untagged(std::string_view address, Arena& arena) {
  const std::string_view local = local_of(address);
  const size_t plus = local.find('+');
  if (plus == std::string_view::npos || plus == 0) return address;
  return join_text(arena, local.substr(0, plus), "@", domain_of(address));
}

// The first of the targets that a line of a table names, with `domain` where it names none.
std::string_view target_of(const Map& map, uint32_t value, std::string_view domain, Arena& arena) {
  std::string_view target = map.value(value);
  target = target.substr(0, target.find_first_of(", \t"));
  if (target.empty() || target.find('@') != std::string_view::npos) return target;
  return join_text(arena, target, "@", domain);
}

bool less_caseless(std::string_view a, std::string_view b) {
  return std::ranges::lexicographical_compare(a, b, {}, lower_ascii, lower_ascii);
}

// What the tables say of an address; empty where they say nothing.
std::string_view listed(const Plan& plan, std::string_view address, Arena& arena) {
  const std::string_view local = local_of(address), domain = domain_of(address);
  const auto own = std::ranges::lower_bound(plan.own, address, less_caseless, &Alias::first);
  if (own != plan.own.end() && equal_caseless(own->first, address)) return own->second;
  if (plan.virtuals) {
    for (const std::string_view key : {address, join_text(arena, "@", domain)})
      if (const uint32_t value = plan.virtuals->find(key); value != kNoIndex)
        return target_of(*plan.virtuals, value, domain, arena);
  }
  if (!plan.system || !plan.is_local(address)) return {};
  const uint32_t value = plan.system->find(join_text(arena, local, ":"));
  return value == kNoIndex ? std::string_view{} : target_of(*plan.system, value, domain, arena);
}

std::string_view resolved(const Plan& plan, std::string_view address, Arena& arena) {
  for (int64_t step = 0; step < plan.steps; ++step) {
    const std::string_view before = address;
    if (plan.gmail) address = gmail_box(address, arena);
    if (plan.plus) address = untagged(address, arena);
    if (const std::string_view next = listed(plan, address, arena); !next.empty()) address = next;
    if (equal_caseless(address, before)) break;
  }
  return address;
}

// Addresses of one message, each told of once where it has another name.
class Teller {
 public:
  Teller(const Plan& plan, Batch& batch, uint32_t row) : plan_(plan), batch_(batch), row_(row) {}
  void look(std::string_view address) {
    if (told_ == kToldMax || domain_of(address).empty()) return;
    const std::string_view name = resolved(plan_, address, batch_.arena);
    if (equal_caseless(name, address)) return;
    insert(plan_, batch_, row_, kResolved, join_text(batch_.arena, address, " -> ", name),
           told_++ == 0 ? 1 : 0);
  }

 private:
  const Plan& plan_;
  Batch& batch_;
  const uint32_t row_;
  uint32_t told_ = 0;
};

void content(const CheckPlan& base, Batch& batch) {
  const auto& plan = static_cast<const Plan&>(base);
  for (uint32_t row = 0; row < batch.rows; ++row) {
    Teller teller(plan, batch, row);
    if (plan.smtp) {
      teller.look(batch.envelopes[row].from);
      for (const std::string_view rcpt : batch.recipients.row(row)) teller.look(rcpt);
    }
    if (!plan.mime) continue;
    for (const Address& address : batch.addresses.row(row))
      if (address.field == AddressField::kFrom || is_recipient(address))
        teller.look(address.address);
  }
}

Judged judge(const CheckPlan& base, const Evidence& evidence, Judgement& judgement) {
  const auto& plan = static_cast<const Plan&>(base);
  if (!plan.domains) return Judged::kDone;
  const auto say = [&](Sym symbol) {
    if (plan.symbols[symbol] != kNoId<SymbolId>) judgement.insert(plan.symbols[symbol], 1, {});
  };
  const bool to_us = std::ranges::any_of(
      evidence.recipients, [&](std::string_view rcpt) { return plan.is_local(rcpt); });
  const bool forwarded = std::ranges::any_of(plan.forwarded, [&](SymbolId symbol) {
    return symbol != kNoId<SymbolId> && judgement.has_symbol(symbol);
  });
  const bool from_us = plan.is_local(evidence.envelope.from);
  if (from_us && to_us)
    say(kInternal);
  else if (from_us || (is_trusted(evidence.envelope) && !to_us))
    say(kOutbound);
  else if (to_us && !forwarded)
    say(kInbound);
  return Judged::kDone;
}

}  // namespace

extern constexpr Check kAliases{
    .name = "aliases",
    .text = "Tells which way mail goes, and which addresses are other names of somebody.",
    .options = kOptions,
    .symbols = kSymbols,
    .after = kAfter,
    .compile = compile,
    .content = content,
    .judge = judge,
};

}  // namespace winnow
