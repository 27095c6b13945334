// whitelist: domains of which the site knows that they send proved mail, and those that must
// (facts/modules.md; symbols.tsv WHITELIST_*, BLACKLIST_*).
//
//   rules { WHITELIST_SPF { valid_spf = true; domains = […]; score = -1; inverse_symbol = …; } }
//
// A rule looks at one domain of the message: From's where DMARC must pass, else each signer's where
// DKIM must, else the envelope's; and there at the organisational domain, then the whole. The map's
// value says which way it counts: "wl:", "bl:", "both:", and a factor of the weight. A rule that is
// strict counts both ways for every domain. What SPF, DKIM and DMARC found is read of their
// symbols.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "engine/url/suffix.h"
#include "rules/checks/auth/dns_name.h"
#include "rules/checks/auth/identity.h"
#include "rules/checks/check.h"
#include "rules/checks/row.h"
#include "rules/config/ucl.h"
#include "rules/maps/map.h"

namespace winnow {

namespace {

constexpr std::array<std::string_view, 3> kAfter{"spf", "dkim", "dmarc"};

enum class Way : uint8_t { kWhite, kBlack, kBoth };

struct Rule {
  const UclObject* body = nullptr;
  std::string name, inverse;
  SymbolId symbol = kNoId<SymbolId>, inverse_symbol = kNoId<SymbolId>;
  std::shared_ptr<const Map> domains;
  std::vector<std::pair<Way, double>> values;  // by number of the map's value
  bool spf = false, dkim = false, dmarc = false, strict = false, blacklist = false;
  double inverse_multiplier = 1;
};

struct Plan final : CheckPlan {
  std::vector<Rule> rules;
  bool check_local = false, check_authed = false;
  SymbolId spf_allow, dkim_trace, dmarc_allow;
  std::array<SymbolId, 3> unknown;  // what SPF, DKIM and DMARC say where they could not look
};

std::vector<Rule> read_rules(CompileContext& context) {
  std::vector<Rule> out;
  const UclObject* const rules = context.options ? context.options->find("rules") : nullptr;
  if (!rules) return out;
  for (const UclObject* const one : rules->named()) {
    const UclObject& body = one->last_value();
    if (!body.is_object() || !body.flag("enabled", true)) continue;
    Rule rule;
    rule.body = &body;
    rule.name = one->key();
    rule.inverse = body.string("inverse_symbol", "");
    rule.spf = body.flag("valid_spf", false);
    rule.dkim = body.flag("valid_dkim", false);
    rule.dmarc = body.flag("valid_dmarc", false);
    rule.strict = body.flag("strict", false);
    rule.blacklist = body.flag("blacklist", false);
    rule.inverse_multiplier = body.number("inverse_multiplier", 1);
    if (!rule.spf && !rule.dkim && !rule.dmarc)
      context.warn_at(body, fmt::format("whitelist rule {} asks for nothing: write valid_spf, "
                                        "valid_dkim or valid_dmarc",
                                        rule.name));
    else if (!body.find("domains"))
      context.warn_at(body, fmt::format("whitelist rule {} has no domains", rule.name));
    else
      out.push_back(std::move(rule));
  }
  return out;
}

void declare(CompileContext& context) {
  for (const Rule& rule : read_rules(context)) {
    context.declare(rule.name, rule.body, rule.body->number("score", 0), "whitelist", "whitelist");
    if (!rule.inverse.empty())
      context.declare(rule.inverse, nullptr, 0, "whitelist",
                      fmt::format("by whitelist {}", rule.name));
  }
}

// "both:2.0", "bl:", "1.5" …
std::pair<Way, double> read_value(std::string_view text) {
  Way way = Way::kWhite;
  for (const auto& [mark, meant] :
       {std::pair("both:", Way::kBoth), {"bl:", Way::kBlack}, {"wl:", Way::kWhite}})
    if (text.starts_with(mark)) {
      way = meant;
      text.remove_prefix(std::string_view(mark).size());
      break;
    }
  double factor = 1;
  std::from_chars(text.data(), text.data() + text.size(), factor);
  return {way, factor};
}

std::unique_ptr<CheckPlan> compile(CompileContext& context) {
  auto plan = std::make_unique<Plan>();
  plan->rules = read_rules(context);
  if (plan->rules.empty()) return nullptr;
  const auto symbol = [&](const char* key, std::string_view other) {
    return context.symbol(context.options->string(key, other));
  };
  plan->check_local = context.options->flag("check_local", false);
  plan->check_authed = context.options->flag("check_authed", false);
  plan->spf_allow = symbol("spf_allow_symbol", "R_SPF_ALLOW");
  plan->dmarc_allow = symbol("dmarc_allow_symbol", "DMARC_POLICY_ALLOW");
  plan->dkim_trace = context.symbol("DKIM_TRACE");
  plan->unknown = {context.symbol("R_SPF_DNSFAIL"), context.symbol("R_DKIM_TEMPFAIL"),
                   context.symbol("DMARC_DNSFAIL")};
  for (Rule& rule : plan->rules) {
    rule.symbol = context.symbol(rule.name);
    if (!rule.inverse.empty()) rule.inverse_symbol = context.symbol(rule.inverse);
    rule.domains = context.map_of(*rule.body->find("domains"), MapKind::kHash);
    for (uint32_t i = 0; i < rule.domains->values(); ++i)
      rule.values.push_back(read_value(rule.domains->value(i)));
  }
  return plan;
}

class Judging {
 public:
  Judging(const Plan& plan, const Evidence& evidence, Judgement& judgement)
      : plan_(plan), evidence_(evidence), judgement_(judgement) {}

  void run(const Rule& rule) {
    if (rule.dmarc) return from(rule);
    if (rule.dkim) return signers(rule);
    look(rule, spf_identity(evidence_.envelope).domain, has(plan_.spf_allow), "s");
  }

 private:
  bool has(SymbolId symbol) const {
    return symbol != kNoId<SymbolId> && judgement_.has_symbol(symbol);
  }

  void from(const Rule& rule) {
    for (const Address& one : evidence_.addresses) {
      if (one.field != AddressField::kFrom || one.domain.empty()) continue;
      const bool good = has(plan_.dmarc_allow) && (!rule.spf || has(plan_.spf_allow));
      return look(rule, one.domain, good, "D");
    }
  }

  void signers(const Rule& rule) {
    for (uint32_t i = 0; plan_.dkim_trace != kNoId<SymbolId>; ++i) {
      const std::string_view option = judgement_.option(plan_.dkim_trace, i);
      const size_t colon = option.rfind(':');
      if (colon == std::string_view::npos) return;
      const char mark = option.back();
      if (mark == '?') continue;  // not known is neither
      const bool good = mark == '+' && (!rule.spf || has(plan_.spf_allow));
      look(rule, option.substr(0, colon), good, rule.spf ? "sd" : "d");
    }
  }

  void look(const Rule& rule, std::string_view domain, bool good, std::string_view what) {
    // What could not be looked up has not failed.
    if (!good && std::ranges::any_of(plan_.unknown, [&](SymbolId one) { return has(one); })) return;
    const DnsName whole(domain);
    if (whole.empty()) return;
    const std::string_view organisation = find_suffix(whole.view()).domain;
    uint32_t found = rule.domains->find(organisation);
    if (found == kNoIndex) found = rule.domains->find(whole.view());
    if (found == kNoIndex) return;
    const auto [way, factor] = rule.values[found];
    const bool white = rule.strict || way != Way::kBlack, black = rule.strict || way != Way::kWhite;
    const std::string option = fmt::format("{}:{}:{}", whole.view(), what, good ? '+' : '-');
    if (good && !rule.blacklist) {
      if (white) insert(rule.symbol, factor, option);
    } else if (!good && rule.blacklist) {
      insert(rule.symbol, factor, option);
    } else if (!good && black) {
      insert(rule.inverse_symbol, factor * rule.inverse_multiplier, option);
    }
  }

  void insert(SymbolId symbol, double weight, std::string_view option) {
    if (symbol != kNoId<SymbolId>) judgement_.insert(symbol, weight, option);
  }

  const Plan& plan_;
  const Evidence& evidence_;
  Judgement& judgement_;
};

Judged judge(const CheckPlan& base, const Evidence& evidence, Judgement& judgement) {
  const auto& plan = static_cast<const Plan&>(base);
  const Envelope& envelope = evidence.envelope;
  if (!plan.check_authed && !envelope.user.empty()) return Judged::kDone;
  if (!plan.check_local && envelope.own_ip) return Judged::kDone;
  // Nobody failed where nothing was looked up: without a session, or without answers.
  if (!envelope.ip.valid()) return Judged::kDone;
  for (const Answer& answer : evidence.answers)
    if (is_unasked(answer)) return Judged::kDone;
  Judging judging(plan, evidence, judgement);
  for (const Rule& rule : plan.rules) judging.run(rule);
  return Judged::kDone;
}

}  // namespace

extern constexpr Check kWhitelist{
    .name = "whitelist",
    .text = "Knows domains whose mail is proved, or must be.",
    .after = kAfter,
    .declare = declare,
    .compile = compile,
    .judge = judge,
};

}  // namespace winnow
