// asn: whose network the client's address belongs to: number, network, country (facts/lists.md).
//
// Asked before sealing, where somebody answers; judged where it was asked.
#include <fmt/format.h>

#include <array>

#include "engine/score/questions.h"
#include "rules/checks/auth/dns_name.h"
#include "rules/checks/check.h"
#include "rules/checks/row.h"
#include "rules/config/ucl.h"

namespace winnow {

namespace {

enum Sym : uint32_t { kAsn, kFail, kCount };

constexpr std::array<SymbolDecl, kCount> kSymbols{{
    {"ASN", "ungrouped", 0, "Number, network and country of the client's address."},
    {"ASN_FAIL", "ungrouped", 0, "The client's network could not be looked up."},
}};

constexpr std::array<SymbolName, 2> kNames{{{"symbol", "ASN"}, {"symbol_fail", "ASN_FAIL"}}};

constexpr std::array<OptionDecl, 4> kOptions{{
    {"provider_type", OptionType::kString, "rspamd", "How networks are looked up."},
    {"provider_info", OptionType::kObject, "", "ip4, ip6: the zones that are asked."},
    {"check_local", OptionType::kBool, "false", "Looks at mail of our own nets as well."},
    {"check_authed", OptionType::kBool, "true", "Looks at mail of authenticated users as well."},
}};

struct Plan final : CheckPlan {
  std::string zone4 = "asn.rspamd.com", zone6 = "asn6.rspamd.com";
  bool check_local = false, check_authed = true;
};

std::unique_ptr<CheckPlan> compile(CompileContext& context) {
  auto plan = std::make_unique<Plan>();
  const UclObject* const options = context.options;
  if (!options) return plan;
  plan->check_local = options->flag("check_local", false);
  plan->check_authed = options->flag("check_authed", true);
  if (options->string("provider_type", "rspamd") != "rspamd")
    context.warn("provider_type", "only \"rspamd\" is known, and taken");
  if (const UclObject* const zones = options->find("provider_info")) {
    plan->zone4 = zones->last_value().string("ip4", plan->zone4);
    plan->zone6 = zones->last_value().string("ip6", plan->zone6);
  }
  return plan;
}

bool is_asked(const Plan& plan, const Envelope& envelope) {
  return envelope.ip.valid() && (plan.check_local || !envelope.own_ip) &&
         (plan.check_authed || envelope.user.empty());
}

DnsName name_of(const Plan& plan, const IpAddress& ip) {
  return reversed_under(ip, ip.family == 4 ? plan.zone4 : plan.zone6);
}

void ask(const CheckPlan& base, const Batch& batch, Asker& asker) {
  const auto& plan = static_cast<const Plan&>(base);
  if (is_unanswered(batch)) return;
  for (uint32_t row = 0; row < batch.rows; ++row) {
    const Envelope& envelope = batch.envelopes[row];
    if (!is_asked(plan, envelope)) continue;
    const DnsName name = name_of(plan, envelope.ip);
    if (!name.empty()) asker.ask(row, QuestionKind::kDns, rr::kTxt, name.view());
  }
}

// The next field of "ASN | network | country | registry | …".
std::string_view next_field(std::string_view& rest) {
  const size_t bar = std::min(rest.find('|'), rest.size());
  std::string_view field = rest.substr(0, bar);
  rest.remove_prefix(std::min(bar + 1, rest.size()));
  while (field.starts_with(' ')) field.remove_prefix(1);
  while (field.ends_with(' ')) field.remove_suffix(1);
  return field;
}

Judged judge(const CheckPlan& base, const Evidence& evidence, Judgement& judgement) {
  const auto& plan = static_cast<const Plan&>(base);
  if (!is_asked(plan, evidence.envelope)) return Judged::kDone;
  const DnsName name = name_of(plan, evidence.envelope.ip);
  if (find_question(evidence.questions, QuestionKind::kDns, rr::kTxt, name.view()) == kNoIndex)
    return Judged::kDone;
  const Answer* const answer = judgement.ask(QuestionKind::kDns, rr::kTxt, name.view());
  if (!answer) return Judged::kWaiting;
  if (answer->state == AnswerState::kUnknown) {
    if (plan.symbols[kFail] != kNoId<SymbolId>)
      judgement.insert(plan.symbols[kFail], 1, name.view());
    return Judged::kDone;
  }
  if (answer->values.empty() || plan.symbols[kAsn] == kNoId<SymbolId>) return Judged::kDone;
  std::string_view rest = answer->values.front();
  const std::string_view number = next_field(rest), net = next_field(rest),
                         country = next_field(rest);
  if (number.empty()) return Judged::kDone;
  judgement.insert(plan.symbols[kAsn], 1, fmt::format("asn:{}", number));
  judgement.insert(plan.symbols[kAsn], 0, fmt::format("ipnet:{}", net));
  judgement.insert(plan.symbols[kAsn], 0, fmt::format("country:{}", country));
  return Judged::kDone;
}

}  // namespace

extern constexpr Check kAsnCheck{
    .name = "asn",
    .text = "Looks up whose network the client's address belongs to.",
    .options = kOptions,
    .symbols = kSymbols,
    .names = kNames,
    .compile = compile,
    .ask = ask,
    .judge = judge,
};

}  // namespace winnow
