// DKIM: which domains signed the message as it arrived (RFC 6376, RFC 8463; facts: "DKIM verify").
//
// content() hashes body and headers from the bytes as the wire had them and leaves one
// DkimSignature for each header that can be judged, packed into the option of a fact that never
// shows. Where no key can be had (Batch::silent) nothing is hashed, and a key that comes all the
// same finds the signature undecided. The key is asked for before sealing; judge() has a public-key
// operation left for each. A broken, expired or future header leaves nothing, as with Rspamd.
#include <algorithm>
#include <array>
#include <charconv>

#include "rules/checks/auth/dkim_digest.h"
#include "rules/checks/auth/dkim_key.h"
#include "rules/checks/auth/given_results.h"
#include "rules/checks/check.h"
#include "rules/checks/option_map.h"
#include "rules/checks/row.h"
#include "rules/config/ucl.h"
#include "rules/maps/map.h"

namespace winnow {

namespace {

// The first four as DkimResult.
enum Sym : uint32_t { kAllow, kReject, kPermFail, kTempFail, kTrace, kPart, kNa, kFact, kCount };

constexpr std::array<SymbolDecl, kCount> kSymbols{{
    {"R_DKIM_ALLOW", "policies", -0.2, "A DKIM signature verified.", true},
    {"R_DKIM_REJECT", "policies", 1, "A DKIM signature does not verify.", true},
    {"R_DKIM_PERMFAIL", "policies", 0, "A DKIM key is missing, revoked or broken."},
    {"R_DKIM_TEMPFAIL", "policies", 0, "A DKIM key could not be looked up."},
    {"DKIM_TRACE", "policies", 0, "What became of each signing domain: + - ~ ?", true},
    {"DKIM_PART_OF_BODY", "policies", 0, "A signature that verified covers the body in part (l=).",
     true},
    {"R_DKIM_NA", "dkim", 0, "Has no DKIM signature.", true},
    {"DKIM_SIGNATURE", "policies", 0, ""},  // a packed DkimSignature, for judge() alone
}};

constexpr std::array<SymbolName, 5> kNames{{{"symbol_allow", "R_DKIM_ALLOW"},
                                            {"symbol_reject", "R_DKIM_REJECT"},
                                            {"symbol_permfail", "R_DKIM_PERMFAIL"},
                                            {"symbol_tempfail", "R_DKIM_TEMPFAIL"},
                                            {"symbol_na", "R_DKIM_NA"}}};

constexpr std::array<OptionDecl, 7> kOptions{{
    {"max_sigs", OptionType::kInteger, "5", "Signatures of one message that are looked at.", 1,
     100},
    {"time_jitter", OptionType::kTime, "6h", "How far in the future a signature may stand.", 0,
     31'536'000},
    {"whitelist", OptionType::kMap, "", "Networks whose mail is not judged."},
    {"trusted_domains", OptionType::kMap, "",
     "Domains whose signatures count as often as strict_multiplier says; a number as the value of "
     "one counts for it alone."},
    {"domains", OptionType::kMap, "", "The same, where trusted_domains is not there."},
    {"trusted_only", OptionType::kBool, "false", "Looks at signatures of these domains alone."},
    {"strict_multiplier", OptionType::kNumber, "1", "How often signatures of these domains count.",
     0, 1000},
}};

constexpr std::array<std::string_view, 1> kAfter{"spf"};  // so that verifying happens once

struct DkimPlan final : CheckPlan {
  int64_t signatures_max = 5;
  int64_t jitter_s = 6 * 3600;
  SymbolId fact = kNoId<SymbolId>, given = kNoId<SymbolId>;
  std::shared_ptr<const Map> whitelist, trusted;  // may be null
  std::vector<double> factors;                    // of trusted's values, by number
  bool trusted_only = false;
};

void read_lists(CompileContext& context, DkimPlan& plan) {
  const UclObject& options = *context.options;
  plan.whitelist = option_map(context, &options, "whitelist", MapKind::kIp);
  plan.trusted = option_map(context, &options, "trusted_domains", MapKind::kHash);
  if (!plan.trusted) plan.trusted = option_map(context, &options, "domains", MapKind::kHash);
  plan.trusted_only = options.flag("trusted_only", false);
  const double factor = std::clamp(options.number("strict_multiplier", 1), 0.0, 1000.0);
  for (uint32_t i = 0; plan.trusted && i < plan.trusted->values(); ++i) {
    const std::string_view text = plan.trusted->value(i);
    double one = factor;
    std::from_chars(text.data(), text.data() + text.size(), one);
    plan.factors.push_back(std::clamp(one, 0.0, 1000.0));
  }
}

std::unique_ptr<CheckPlan> compile(CompileContext& context) {
  auto plan = std::make_unique<DkimPlan>();
  plan->fact = context.symbol(kSymbols[kFact].name);
  plan->given = context.symbol(kGivenDkim);
  if (!context.options) return plan;
  plan->signatures_max =
      std::clamp<int64_t>(context.options->integer("max_sigs", plan->signatures_max), 1, 100);
  if (const UclObject* const jitter = context.options->find("time_jitter"))
    if (const auto seconds = jitter->as_seconds())
      plan->jitter_s = static_cast<int64_t>(std::clamp(*seconds, 0.0, kOptions[1].max));
  read_lists(context, *plan);
  return plan;
}

void signatures_of(const DkimPlan& plan, Batch& batch, uint32_t row) {
  const std::span<const Header> own = own_headers(batch, row);
  const int64_t now = batch.envelopes[row].now_ms / 1000;
  const bool is_silent = batch.silent & 1u << static_cast<uint32_t>(QuestionKind::kDns);
  int64_t looked_at = 0;
  std::optional<SignedFields> fields;
  BodyHashes bodies(batch.raw[row].substr(batch.facts[row].body_offset), batch.arena);
  for (size_t i = 0; i < own.size(); ++i) {
    if (own[i].id != header_id(known::kDkimSignature)) continue;
    if (looked_at++ == plan.signatures_max) break;
    DkimHeader header;
    if (!parse_dkim_header(own[i].raw, batch.arena, header)) continue;
    if (plan.trusted_only && !(plan.trusted && plan.trusted->find(header.domain) != kNoIndex))
      continue;
    if (header.time > now + plan.jitter_s || (header.expires > 0 && header.expires < now)) continue;
    DkimSignature signature;
    signature.algorithm = algorithm_of(header);
    signature.identity_is_domain = header.identity_is_domain;
    signature.domain = header.domain;
    signature.selector = header.selector;
    signature.signature = header.signature;
    if (is_silent) {
      signature.body = BodyHash::kNotMade;
    } else {
      if (!fields) fields.emplace(own, batch.arena);
      bodies.match(header, signature);
      signature.digest = fields->digest(header, i, batch.arena);
    }
    batch.symbols.push_back({row, plan.fact, 1, pack_signature(signature, batch.arena), {}});
  }
  if (looked_at == 0) insert(plan, batch, row, kNa);
}

void content(const CheckPlan& base, Batch& batch) {
  const auto& plan = static_cast<const DkimPlan&>(base);
  for (uint32_t row = 0; row < batch.rows; ++row) {
    const Envelope& envelope = batch.envelopes[row];
    if (!plan.skips(envelope) && !holds(plan.whitelist, envelope.ip) &&
        !is_given(batch, row, plan.given))
      signatures_of(plan, batch, row);
  }
}

void ask(const CheckPlan& base, const Batch& batch, Asker& asker) {
  const SymbolId fact = static_cast<const DkimPlan&>(base).fact;
  for (const SymbolHit& hit : batch.symbols) {
    DkimSignature signature;
    if (hit.symbol != fact || !unpack_signature(hit.option, signature)) continue;
    const DnsName name = key_name(signature);
    if (!name.empty()) asker.ask(hit.row, QuestionKind::kDns, rr::kTxt, name.view());
  }
}

void say(const CheckPlan& plan, Judgement& judgement, Sym which,
         std::initializer_list<std::string_view> parts, double weight = 1) {
  if (plan.symbols[which] == kNoId<SymbolId>) return;
  char text[2 * DnsName::kBytesMax + 8];  // two names, each within its bounds, and marks
  size_t size = 0;
  for (const std::string_view part : parts) {
    const size_t n = std::min(part.size(), sizeof text - size);
    std::copy_n(part.data(), n, text + size);
    size += n;
  }
  judgement.insert(plan.symbols[which], weight, {text, size});
}

Judged judge(const CheckPlan& base, const Evidence& evidence, Judgement& judgement) {
  const auto& plan = static_cast<const DkimPlan&>(base);
  const auto each = [&](auto f) {
    for (const SymbolFact& fact : evidence.symbols) {
      DkimSignature signature;
      if (fact.symbol != plan.fact || !unpack_signature(fact.option, signature)) continue;
      const DnsName name = key_name(signature);
      f(signature, name.empty() ? nullptr : &name);
    }
  };
  const auto key_of = [&](const DnsName& name) {
    return judgement.ask(QuestionKind::kDns, rr::kTxt, name.view());
  };
  bool is_open = false;
  each([&](const DkimSignature&, const DnsName* name) { is_open |= name && !key_of(*name); });
  if (is_open) return Judged::kWaiting;
  constexpr std::string_view kMarks[] = {":+", ":-", ":~", ":?"};
  each([&](const DkimSignature& signature, const DnsName* name) {
    if (name && is_unasked(*key_of(*name))) return;
    const auto result =
        static_cast<Sym>(judge_signature(signature, name ? key_of(*name) : nullptr));
    const uint32_t trusted = plan.trusted ? plan.trusted->find(signature.domain) : kNoIndex;
    const bool counts_else = trusted != kNoIndex && (result == kAllow || result == kReject);
    say(plan, judgement, result, {signature.domain, ":s=", signature.selector},
        counts_else ? plan.factors[trusted] : 1);
    say(plan, judgement, kTrace, {signature.domain, kMarks[result]});
    if (result != kAllow || signature.body != BodyHash::kPart) return;
    char percent[4];
    const auto end =
        std::to_chars(percent, percent + sizeof percent, signature.covered_percent).ptr;
    say(plan, judgement, kPart,
        {signature.domain, ":", std::string_view(percent, static_cast<size_t>(end - percent)),
         "%"});
  });
  return Judged::kDone;
}

}  // namespace

extern constexpr Check kDkim{
    .name = "dkim",
    .text = "Verifies DKIM signatures.",
    .options = kOptions,
    .symbols = kSymbols,
    .names = kNames,
    .after = kAfter,
    .local_skip = true,
    .compile = compile,
    .content = content,
    .ask = ask,
    .judge = judge,
};

}  // namespace winnow
