// SPF: whether the client may send for the sender's domain (RFC 7208; facts: "SPF").
//
// What differs from Rspamd is said in README.md: terms are judged in order and lazily, limits are
// the RFC's.
#include <array>

#include "engine/mime/ip.h"
#include "rules/checks/auth/given_results.h"
#include "rules/checks/auth/identity.h"
#include "rules/checks/auth/spf_evaluate.h"
#include "rules/checks/check.h"
#include "rules/checks/option_map.h"
#include "rules/checks/text.h"
#include "rules/config/ucl.h"
#include "rules/maps/map.h"

namespace winnow {

namespace {

enum Sym : uint32_t {
  kAllow,
  kFail,
  kSoftFail,
  kNeutral,
  kNa,
  kDnsFail,
  kPermFail,
  kPlusAll,
  kFact,
  kExplanation,
  kCount
};

constexpr std::array<SymbolDecl, kCount> kSymbols{{
    {"R_SPF_ALLOW", "policies", -0.2, "The sender's domain lets this client send."},
    {"R_SPF_FAIL", "policies", 1, "The sender's domain forbids this client to send."},
    {"R_SPF_SOFTFAIL", "policies", 0, "The sender's domain thinks this client should not send."},
    {"R_SPF_NEUTRAL", "policies", 0, "The sender's domain says nothing of this client."},
    {"R_SPF_NA", "policies", 0, "The sender's domain has no SPF record.", true},
    {"R_SPF_DNSFAIL", "policies", 0, "The SPF record could not be looked up."},
    {"R_SPF_PERMFAIL", "policies", 0, "The SPF record is broken or passes a limit."},
    {"R_SPF_PLUSALL", "policies", 4, "The SPF record lets everybody send."},
    {"SPF_CLIENT", "policies", 0, ""},  // of an own relay's mail: who gave it to us, for judge()
    {"SPF_EXPLANATION", "policies", 0, "What the sender's domain says of clients that it forbids."},
}};

constexpr std::array<SymbolName, 8> kNames{{{"symbols.allow", "R_SPF_ALLOW"},
                                            {"symbols.fail", "R_SPF_FAIL"},
                                            {"symbols.softfail", "R_SPF_SOFTFAIL"},
                                            {"symbols.neutral", "R_SPF_NEUTRAL"},
                                            {"symbols.na", "R_SPF_NA"},
                                            {"symbols.dnsfail", "R_SPF_DNSFAIL"},
                                            {"symbols.permfail", "R_SPF_PERMFAIL"},
                                            {"symbols.plusall", "R_SPF_PLUSALL"}}};

constexpr std::array<OptionDecl, 7> kOptions{{
    {"max_dns_requests", OptionType::kInteger, "10",
     "Terms of one record, its includes counted, that may ask DNS.", 1, SpfLimits::kLookupsHard},
    {"max_void_lookups", OptionType::kInteger, "2",
     "Terms of one record that may ask DNS for what does not exist.", 0, 100},
    {"max_dns_nesting", OptionType::kInteger, "10",
     "How deep includes and redirects of one record may go.", 1, SpfLimits::kLookupsHard},
    {"disable_ipv6", OptionType::kBool, "false", "Never asks for addresses of IPv6."},
    {"whitelist", OptionType::kMap, "", "Networks whose mail is not judged."},
    {"external_relay", OptionType::kMap, "",
     "Own relays: the client is who gave the mail to the first of them."},
    {"explanation", OptionType::kBool, "true",
     "Look up what a domain says of clients that it forbids (exp=)."},
}};

struct SpfPlan final : CheckPlan {
  SpfLimits limits;
  std::shared_ptr<const Map> whitelist, relays;  // may be null
  SymbolId fact = kNoId<SymbolId>, given = kNoId<SymbolId>;
};

std::unique_ptr<CheckPlan> compile(CompileContext& context) {
  auto plan = std::make_unique<SpfPlan>();
  const auto read = [&](const OptionDecl& option, uint32_t& value) {
    if (!context.options) return;
    const int64_t given = context.options->integer(option.name, value);
    if (given >= static_cast<int64_t>(option.min) && given <= static_cast<int64_t>(option.max))
      value = static_cast<uint32_t>(given);
    else
      context.warn(option.name, "the value is out of bounds; the default holds");
  };
  plan->given = context.symbol(kGivenSpf);
  plan->whitelist = option_map(context, context.options, "whitelist", MapKind::kIp);
  plan->relays = option_map(context, context.options, "external_relay", MapKind::kIp);
  if (plan->relays) plan->fact = context.symbol(kSymbols[kFact].name);
  read(kOptions[0], plan->limits.lookups_max);
  read(kOptions[1], plan->limits.void_lookups_max);
  read(kOptions[2], plan->limits.nesting_max);
  plan->limits.asks_ipv6 = !context.options || !context.options->flag("disable_ipv6", false);
  plan->limits.explain = (!context.options || context.options->flag("explanation", true)) &&
                         context.symbol("SPF_EXPLANATION") != kNoId<SymbolId>;
  return plan;
}

void conclude(const CheckPlan& plan, const SpfResult& result, Judgement& judgement) {
  const auto say = [&](Sym which, std::string_view option) {
    if (plan.symbols[which] != kNoId<SymbolId>) judgement.insert(plan.symbols[which], 1, option);
  };
  // Qualifier and mechanism; 64 bytes hold every honest one, longer ones are cut.
  char text[64];
  text[0] = result.qualifier;
  const std::string_view mechanism = result.mechanism.empty() ? "all" : result.mechanism;
  const size_t size = std::min(mechanism.size(), sizeof text - 1);
  std::copy_n(mechanism.data(), size, text + 1);
  const std::string_view option(text, size + 1);
  switch (result.code) {
    case SpfCode::kPass:
      return result.by_all ? say(kPlusAll, "+any") : say(kAllow, option);
    case SpfCode::kFail:
      return say(kFail, option);
    case SpfCode::kSoftFail:
      return say(kSoftFail, option);
    case SpfCode::kNeutral:
      return say(kNeutral, option);
    case SpfCode::kNone:
      return say(kNa, "no SPF record");
    case SpfCode::kTempError:
      return result.unasked ? void() : say(kDnsFail, "temporary DNS error");
    case SpfCode::kPermError:
      return say(kPermFail, "bad SPF record");
  }
}

// Mail from an own relay: the first hop, from the top, that is none of them. The option is its
// address, a blank, and its HELO; empty where no hop says.
void content(const CheckPlan& base, Batch& batch) {
  const auto& plan = static_cast<const SpfPlan&>(base);
  if (!plan.relays) return;
  for (uint32_t row = 0; row < batch.rows; ++row) {
    if (!holds(plan.relays, batch.envelopes[row].ip)) continue;
    std::string_view client;
    for (const Received& hop : batch.received.row(row)) {
      if (!hop.real_ip.valid() || holds(plan.relays, hop.real_ip)) continue;
      char ip[kIpTextMax];
      client = join_text(batch.arena, std::string_view(ip, format_ip(hop.real_ip, ip)),
                         std::string_view(" "), hop.from_hostname);
      break;
    }
    batch.symbols.push_back({row, plan.fact, 1, client, {}});
  }
}

// Who is judged: the client, or who gave the mail to an own relay. False: nobody.
bool find_client(const SpfPlan& plan, const Evidence& evidence, IpAddress& ip,
                 std::string_view& helo) {
  ip = evidence.envelope.ip;
  helo = evidence.envelope.helo;
  for (const SymbolFact& fact : evidence.symbols) {
    if (!plan.relays || fact.symbol != plan.fact) continue;
    const size_t blank = std::min(fact.option.find(' '), fact.option.size());
    const std::optional<IpAddress> hop = parse_ip(fact.option.substr(0, blank));
    if (!hop) return false;
    ip = *hop;
    helo = fact.option.substr(std::min(blank + 1, fact.option.size()));
  }
  return ip.valid() && !holds(plan.whitelist, ip);
}

Judged judge(const CheckPlan& base, const Evidence& evidence, Judgement& judgement) {
  const auto& plan = static_cast<const SpfPlan&>(base);
  if (has_fact(evidence, plan.given)) return Judged::kDone;
  Envelope envelope = evidence.envelope;
  // Without a session there is nothing to judge, and nothing that looks like a judgement.
  if (!find_client(plan, evidence, envelope.ip, envelope.helo) ||
      (envelope.from.empty() && envelope.helo.empty()))
    return Judged::kDone;
  const SpfIdentity identity = spf_identity(envelope);
  if (identity.domain.empty()) {
    if (base.symbols[kNa] != kNoId<SymbolId>) judgement.insert(base.symbols[kNa], 1, "No domain");
    return Judged::kDone;
  }
  const SpfInput input{.ip = envelope.ip,
                       .sender_local = identity.local,
                       .sender_domain = identity.domain,
                       .helo = envelope.helo,
                       .receiver = envelope.mta_name.empty() ? "unknown" : envelope.mta_name,
                       .now_s = envelope.now_ms / 1000};
  const SpfResult result = evaluate_spf(input, plan.limits, judgement);
  if (result.waiting) return Judged::kWaiting;
  conclude(base, result, judgement);
  if (!result.explanation.empty() && base.symbols[kExplanation] != kNoId<SymbolId>)
    judgement.insert(base.symbols[kExplanation], 1, result.explanation);
  return Judged::kDone;
}

}  // namespace

extern constexpr Check kSpf{
    .name = "spf",
    .text = "Judges whether the client may send for the sender's domain.",
    .options = kOptions,
    .symbols = kSymbols,
    .names = kNames,
    .local_skip = true,
    .compile = compile,
    .content = content,
    .judge = judge,
};

}  // namespace winnow
