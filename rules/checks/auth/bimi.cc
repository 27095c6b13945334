// bimi: whether the visible sender's domain publishes a logo (BIMI, draft-brand-indicators 4).
// Asked only of mail that DMARC proves under a policy that does something, as the draft wants, so
// it costs other mail nothing. Certificates (VMC) are not verified: that is a helper's work, which
// is not asked here, and so BIMI_VALID never comes.
#include <array>

#include "rules/checks/auth/dns_name.h"
#include "rules/checks/auth/option_text.h"
#include "rules/checks/auth/tag_list.h"
#include "rules/checks/check.h"
#include "rules/config/ucl.h"

namespace winnow {

namespace {

enum Sym : uint32_t { kRecord, kDnsFail, kCount };

constexpr std::array<SymbolDecl, kCount> kSymbols{{
    {"BIMI_RECORD", "policies", 0, "The visible sender's domain publishes a logo.", true},
    {"BIMI_DNSFAIL", "policies", 0, "Whether the domain publishes a logo could not be looked up."},
}};

constexpr std::array<OptionDecl, 1> kOptions{{
    {"vmc_only", OptionType::kBool, "true", "Only records that name a certificate count."},
}};

constexpr std::array<std::string_view, 1> kAfter{"dmarc"};
constexpr std::string_view kSelector = "default._bimi.";

struct Plan final : CheckPlan {
  SymbolId dmarc = kNoId<SymbolId>;
  bool certified_only = true;
};

std::unique_ptr<CheckPlan> compile(CompileContext& context) {
  auto plan = std::make_unique<Plan>();
  plan->dmarc = context.symbol("DMARC_POLICY_ALLOW");
  if (context.options) plan->certified_only = context.options->flag("vmc_only", true);
  return plan;
}

struct Record {
  std::string_view location, certificate;  // empty, or https
};

bool is_https(std::string_view url) { return starts_caseless(url, "https://") && url.size() > 8; }

// False: none, or it declines (both empty), or its logo is nowhere.
bool read_record(std::string_view text, Record& out) {
  TagReader tags(text);
  Tag tag;
  if (!tags.next(tag) || !equal_caseless(tag.name, "v") || tag.value != "BIMI1") return false;
  while (tags.next(tag)) {
    if (equal_caseless(tag.name, "l") && is_https(tag.value)) out.location = tag.value;
    if (equal_caseless(tag.name, "a") && is_https(tag.value)) out.certificate = tag.value;
  }
  return !tags.bad() && !out.location.empty();
}

DnsName record_name(std::string_view domain) {
  DnsName name;
  name.append(kSelector);
  name.append(domain);
  name.close();
  return name;
}

Judged judge(const CheckPlan& base, const Evidence&, Judgement& judgement) {
  const auto& plan = static_cast<const Plan&>(base);
  if (plan.dmarc == kNoId<SymbolId> || !judgement.has_symbol(plan.dmarc)) return Judged::kDone;
  const std::string_view domain = judgement.option(plan.dmarc, 0);
  const std::string_view policy = judgement.option(plan.dmarc, 1);
  if (policy != "quarantine" && policy != "reject") return Judged::kDone;
  const DnsName name = record_name(domain);
  if (name.empty()) return Judged::kDone;
  const Answer* const answer = judgement.ask(QuestionKind::kDns, rr::kTxt, name.view());
  if (!answer) return Judged::kWaiting;
  const auto say = [&](Sym symbol, std::string_view option) {
    if (plan.symbols[symbol] != kNoId<SymbolId>) judgement.insert(plan.symbols[symbol], 1, option);
  };
  if (answer->state == AnswerState::kUnknown) say(kDnsFail, domain);
  for (const std::string_view value : answer->values) {
    Record record;
    if (!read_record(value, record)) continue;
    if (plan.certified_only && record.certificate.empty()) continue;
    say(kRecord, domain);
    if (plan.symbols[kRecord] == kNoId<SymbolId>) break;
    judgement.insert(plan.symbols[kRecord], 0, OptionText({"l=", record.location}).view());
    if (!record.certificate.empty())
      judgement.insert(plan.symbols[kRecord], 0, OptionText({"a=", record.certificate}).view());
    break;
  }
  return Judged::kDone;
}

}  // namespace

extern constexpr Check kBimi{
    .name = "bimi",
    .text = "Looks whether the visible sender's domain publishes a logo.",
    .options = kOptions,
    .symbols = kSymbols,
    .after = kAfter,
    .default_enabled = false,
    .local_skip = true,
    .compile = compile,
    .judge = judge,
};

}  // namespace winnow
