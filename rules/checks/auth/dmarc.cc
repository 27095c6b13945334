// DMARC: whether the domain that readers see is one of those that SPF or DKIM proved, and what its
// owner wishes otherwise (RFC 7489 with the public suffix list; facts: "DMARC").
//
// Reads what spf and dkim left: R_SPF_ALLOW, R_SPF_DNSFAIL and the options of DKIM_TRACE. A failure
// can only be concluded where SPF was judged: without an IP of the client, mail that DKIM does not
// prove is left without a symbol. pct takes its chance from what parsing counted: the same message
// always has the same fate.
#include <algorithm>
#include <array>

#include "engine/url/suffix.h"
#include "rules/checks/auth/arc_link.h"
#include "rules/checks/auth/dmarc_munging.h"
#include "rules/checks/auth/dmarc_record.h"
#include "rules/checks/auth/dmarc_reporting.h"
#include "rules/checks/auth/dmarc_walk.h"
#include "rules/checks/auth/dns_name.h"
#include "rules/checks/auth/given_results.h"
#include "rules/checks/auth/identity.h"
#include "rules/checks/auth/option_text.h"
#include "rules/checks/check.h"
#include "rules/checks/outcome/authentication_results.h"
#include "rules/config/ucl.h"
#include "rules/maps/map.h"

namespace winnow {

namespace {

enum Sym : uint32_t {
  kAllow,
  kReject,
  kQuarantine,
  kSoftFail,
  kNa,
  kBadPolicy,
  kDnsFail,
  kDiffers,
  kMunged,
  kMayMunge,
  kCount
};

// One-shot: a second option is added with a second insertion, which must not count.
constexpr std::array<SymbolDecl, kCount> kSymbols{{
    {"DMARC_POLICY_ALLOW", "policies", -0.5, "The visible sender's domain is proved.", true},
    {"DMARC_POLICY_REJECT", "policies", 2, "Not proved, and the domain wishes a reject.", true},
    {"DMARC_POLICY_QUARANTINE", "policies", 1.5, "Not proved, and the domain wishes a quarantine.",
     true},
    {"DMARC_POLICY_SOFTFAIL", "policies", 0.1, "Not proved, and the domain wishes nothing.", true},
    {"DMARC_NA", "policies", 0, "The visible sender's domain has no DMARC policy.", true},
    {"DMARC_BAD_POLICY", "policies", 0, "The domain's DMARC policy is broken.", true},
    {"DMARC_DNSFAIL", "policies", 0, "A look-up that DMARC needs failed.", true},
    {"DMARC_ORGANISATION_DIFFERS", "policies", 0,
     "The tree walk finds another organisational domain than the public suffix list.", true},
    {"DMARC_MUNGED", "policies", 0, "From is rewritten for a mailing list.", true},
    {"DMARC_MAY_MUNGE", "policies", 0, ""},  // munge_map_condition holds, for judge() alone
}};

constexpr std::array<SymbolName, 7> kNames{{{"symbols.allow", "DMARC_POLICY_ALLOW"},
                                            {"symbols.reject", "DMARC_POLICY_REJECT"},
                                            {"symbols.quarantine", "DMARC_POLICY_QUARANTINE"},
                                            {"symbols.softfail", "DMARC_POLICY_SOFTFAIL"},
                                            {"symbols.na", "DMARC_NA"},
                                            {"symbols.badpolicy", "DMARC_BAD_POLICY"},
                                            {"symbols.dnsfail", "DMARC_DNSFAIL"}}};

constexpr std::array<OptionDecl, 6> kOptions{{
    {"actions", OptionType::kObject, "", "Action for reject, quarantine and softfail."},
    {"discovery_method", OptionType::kString, "psl",
     "How organisational domains are found: psl (public suffix list) or treewalk (RFC 9989)."},
    {"munging", OptionType::kObject, "",
     "Rewrites From of mail to the recipients of list_map, which are mailing lists."},
    {"reporting", OptionType::kObject, "",
     "With enabled: keeps what aggregate reports are made of (winnow dmarc-report)."},
    {"no_sampling_domains", OptionType::kMap, "",
     "Domains whose policy holds for all of their mail, whatever pct says."},
    {"redis", OptionType::kObject, "", "Servers of Redis that keep what reports are made of."},
}};

constexpr std::array<std::string_view, 3> kAfter{"spf", "dkim", "arc"};

struct DmarcPlan final : CheckPlan {
  SymbolId spf_allow, spf_dnsfail, dkim_trace, arc_trusted, arc_link, may_munge, given;
  std::array<ActionId, 3> actions;  // by DmarcPolicy; kNoId: the symbol only counts
  bool walks = false;
  std::shared_ptr<const Map> no_sampling;           // may be null
  std::unique_ptr<const DmarcMunging> munging;      // null: nothing is rewritten
  std::unique_ptr<const DmarcReporting> reporting;  // null: nothing is reported
};

void read_options(CompileContext& context, DmarcPlan& plan) {
  const std::string_view method = context.options->string("discovery_method", "psl");
  plan.walks = method == "treewalk";
  if (!plan.walks && method != "psl")
    context.warn("discovery_method", "it is psl or treewalk; psl holds");
  const UclObject* const actions = context.options->find("actions");
  if (!actions) return;
  static constexpr std::string_view kActionNames[] = {"softfail", "quarantine", "reject"};
  for (size_t i = 0; i < plan.actions.size(); ++i) {
    const std::string_view name = actions->string(kActionNames[i], "");
    if (name.empty()) continue;
    plan.actions[i] = context.action(name);
    if (plan.actions[i] == kNoId<ActionId>) context.warn("actions", "there is no such action");
  }
}

// A symbol of another check whose presence is read: symbols { } may name another one.
SymbolId read_symbol(const CompileContext& context, std::string_view option,
                     std::string_view name) {
  const UclObject* const given = context.options ? context.options->find("symbols") : nullptr;
  return context.symbol(given && given->is_object() ? given->string(option, name) : name);
}

std::unique_ptr<CheckPlan> compile(CompileContext& context) {
  auto plan = std::make_unique<DmarcPlan>();
  plan->actions.fill(kNoId<ActionId>);
  if (context.options) read_options(context, *plan);
  plan->spf_allow = read_symbol(context, "spf_allow_symbol", "R_SPF_ALLOW");
  plan->spf_dnsfail = read_symbol(context, "spf_tempfail_symbol", "R_SPF_DNSFAIL");
  if (context.map) plan->no_sampling = context.map("no_sampling_domains");
  plan->given = context.symbol(kGivenDmarc);
  plan->dkim_trace = context.symbol("DKIM_TRACE");
  plan->arc_trusted = context.symbol("ARC_ALLOW_TRUSTED");
  plan->arc_link = context.symbol("ARC_LINK");
  plan->may_munge = context.symbol(kSymbols[kMayMunge].name);
  plan->munging = DmarcMunging::compile(context);
  plan->reporting = DmarcReporting::compile(context);
  return plan;
}

bool has(const Judgement& judgement, SymbolId symbol) {
  return symbol != kNoId<SymbolId> && judgement.has_symbol(symbol);
}

// The domain of the only From address; empty with the reason in `why` otherwise.
std::string_view from_domain(std::span<const Address> addresses, std::string_view& why) {
  std::string_view domain;
  size_t count = 0;
  for (const Address& address : addresses) {
    if (address.field != AddressField::kFrom || address.address.empty()) continue;
    if (count++ == 0) domain = address.domain;
  }
  if (domain.starts_with('[')) domain = {};
  why = count == 0       ? "No From header"
        : domain.empty() ? "No domain in From header"
        : count > 1      ? "Duplicate From header"
                         : "";
  return why.empty() ? domain : std::string_view{};
}

struct Names {
  DnsName author;  // where the policy stands; empty: the domain is too long for DNS
  DnsName organisation;
  bool differ = false;
};

constexpr std::string_view kUnderscored = "_dmarc.";

Names policy_names(std::string_view domain) {
  Names names;
  const auto under = [](std::string_view of, DnsName& name) {
    name.append(kUnderscored);
    name.append(of);
    name.close();
  };
  const DnsName lower(domain);
  const std::string_view organisation = find_suffix(lower.view()).domain;
  under(lower.view(), names.author);
  under(organisation, names.organisation);
  names.differ = organisation != lower.view();
  return names;
}

// Whether domains are aligned with that of From.
class Alignment {
 public:
  // `organisation`: of From, where the tree is walked; else empty.
  Alignment(std::string_view from, std::string_view organisation, Judgement& judgement)
      : from_(from), organisation_(organisation), judgement_(judgement) {}

  bool holds(std::string_view domain, bool strict) {
    const DnsName one(domain);
    if (one.empty() || from_.empty()) return false;
    if (one.view() == from_.view()) return true;
    if (strict) return false;
    if (organisation_.empty())
      return find_suffix(one.view()).domain == find_suffix(from_.view()).domain;
    const DmarcWalk walk = walk_dmarc(one.view(), judgement_);
    waiting_ |= walk.state == WalkState::kWaiting;
    unknown_ |= walk.state == WalkState::kUnknown;
    return walk.state == WalkState::kDone && walk.organisation == organisation_;
  }
  bool waiting() const { return waiting_; }
  bool unknown() const { return unknown_; }

 private:
  const DnsName from_;
  std::string_view organisation_;
  Judgement& judgement_;
  bool waiting_ = false, unknown_ = false;
};

// What SPF and DKIM say for the From domain.
struct Proof {
  bool passed = false;
  bool spf = false, dkim = false;  // which of them proves it
  bool temporary = false;          // an aligned one ended in a temporary error
  std::string_view spf_reason;
  std::string_view dkim_reason;  // with its comma; may be empty
};

Proof prove(const DmarcPlan& plan, const Evidence& evidence, const Judgement& judgement,
            Alignment& alignment, const DmarcRecord& record) {
  Proof proof;
  const bool spf_aligned =
      alignment.holds(spf_identity(evidence.envelope).domain, record.strict_spf);
  const bool spf_pass = has(judgement, plan.spf_allow);
  proof.passed = proof.spf = spf_pass && spf_aligned;
  proof.temporary = spf_aligned && has(judgement, plan.spf_dnsfail);
  proof.spf_reason = !spf_pass           ? "No valid SPF"
                     : record.strict_spf ? "SPF not aligned (strict)"
                                         : "SPF not aligned (relaxed)";
  bool dkim_pass = false, dkim_broken = false;
  for (uint32_t i = 0; plan.dkim_trace != kNoId<SymbolId>; ++i) {
    const std::string_view option = judgement.option(plan.dkim_trace, i);
    const size_t colon = option.rfind(':');
    if (colon == std::string_view::npos) break;
    const bool aligned = alignment.holds(option.substr(0, colon), record.strict_dkim);
    if (option.ends_with(":+")) {
      dkim_pass = true;
      proof.passed |= aligned;
      proof.dkim |= aligned;
    } else if (option.ends_with(":?")) {
      proof.temporary |= aligned;
    } else {
      dkim_broken = true;
    }
  }
  proof.temporary |= alignment.unknown();
  // As Rspamd says it: only where nothing is signed, or no key came, there is no valid signature.
  proof.dkim_reason = dkim_pass     ? record.strict_dkim ? ", DKIM not aligned (strict)"
                                                         : ", DKIM not aligned (relaxed)"
                      : dkim_broken ? ""
                                    : ", No valid DKIM";
  return proof;
}

void add_option(const CheckPlan& plan, Judgement& judgement, Sym which, std::string_view option) {
  if (plan.symbols[which] != kNoId<SymbolId>) judgement.insert(plan.symbols[which], 0, option);
}

void say(const CheckPlan& plan, Judgement& judgement, Sym which, std::string_view option,
         std::string_view second = {}, std::string_view third = {}, double weight = 1) {
  if (plan.symbols[which] == kNoId<SymbolId>) return;
  judgement.insert(plan.symbols[which], weight, option);
  if (!second.empty()) add_option(plan, judgement, which, second);
  if (!third.empty()) add_option(plan, judgement, which, third);
}

// The record among the answers of one name.
enum class Found : uint8_t { kNone, kNoRecord, kRecord, kFinal };

Found find_record(const CheckPlan& plan, Judgement& judgement, std::string_view domain,
                  const Answer& answer, DmarcRecord& record) {
  if (is_unasked(answer)) return Found::kFinal;
  if (answer.state == AnswerState::kUnknown) {
    static constexpr std::string_view kReasons[] = {"no answer", "timed out",      "server failure",
                                                    "refused",   "broken answer",  "not allowed",
                                                    "no answer", "over the limit", "not recorded"};
    const std::string_view why = kReasons[static_cast<size_t>(answer.reason)];
    say(plan, judgement, kDnsFail, OptionText({domain, " : ", why}).view());
    return Found::kFinal;
  }
  Found found = answer.values.empty() ? Found::kNone : Found::kNoRecord;
  bool bad = false;
  for (const std::string_view value : answer.values) {
    DmarcRecord one;
    const DmarcParse parsed = parse_dmarc_record(value, one);
    if (parsed == DmarcParse::kNoRecord) continue;
    if (found == Found::kRecord) {
      const OptionText text({domain, " : Multiple policies defined in DNS"});
      say(plan, judgement, kBadPolicy, text.view());
      return Found::kFinal;
    }
    found = Found::kRecord;
    record = one;
    bad = parsed == DmarcParse::kBadPolicy;
  }
  if (!bad) return found;
  const OptionText text({domain, " : p tag has invalid value: ", record.bad_policy});
  say(plan, judgement, kBadPolicy, text.view());
  return Found::kFinal;
}

// 0..99, even over messages, the same for the same bytes. Not the digest: that would cost every
// message 8 us for the few whose domain writes pct.
uint32_t chance_of(const Facts& facts) {
  uint64_t mix = 0;
  for (const uint64_t part : {uint64_t{facts.size}, uint64_t{facts.body_offset},
                              uint64_t{facts.body_lines}, static_cast<uint64_t>(facts.date)}) {
    mix = (mix ^ part) * 0x9E3779B97F4A7C15u;
    mix ^= mix >> 32;
  }
  return static_cast<uint32_t>(mix % 100);
}

// Whether a trusted forwarder, whose seal holds, saw DMARC pass: then the mail was broken on its
// way and counts little against its sender (Rspamd's arc.adjust_dmarc).
bool is_vouched_for(const DmarcPlan& plan, const Evidence& evidence, const Judgement& judgement) {
  if (!has(judgement, plan.arc_trusted)) return false;
  const std::string_view named = judgement.option(plan.arc_trusted, 0);
  for (const SymbolFact& fact : evidence.symbols) {
    ArcLink link;
    if (fact.symbol != plan.arc_link || !unpack_arc_link(fact.option, link)) continue;
    OptionText instance({":i="});
    if (link.role == ArcRole::kSeal && link.dmarc == Recorded::kPass &&
        named.ends_with(instance.add(link.instance).view()))
      return true;
  }
  return false;
}

// What became of a message, for reports and lists.
struct Fate {
  bool judged = false;  // it passed or failed, for good
  bool passed = false, strict = false;
  std::string_view disposition = "none", reason = {};
};

// What a failure means. Named are the domains whose policy it is, as Rspamd does.
Fate fails(const DmarcPlan& plan, const Evidence& evidence, Judgement& judgement,
           const Proof& proof, std::string_view policy_domain, const DmarcRecord& record,
           DmarcPolicy wish) {
  if (proof.temporary) {
    const OptionText text({policy_domain, " : SPF/DKIM temp error"});
    say(plan, judgement, kDnsFail, text.view(), policy_text(wish));
    return {};
  }
  // Where SPF or DKIM was not judged, nobody failed.
  if (!evidence.envelope.ip.valid() || plan.dkim_trace == kNoId<SymbolId>) return {};
  // RFC 9989 has no pct any more; its t=y lowers every policy by a step.
  const bool sampled_out =
      wish != DmarcPolicy::kNone &&
      (plan.walks ? record.is_test : 1 + chance_of(evidence.facts) > record.percent) &&
      !(plan.no_sampling && plan.no_sampling->find(DnsName(policy_domain).view()) != kNoIndex);
  const int step = static_cast<int>(wish) - (sampled_out ? 1 : 0);
  const Sym symbol = step == 2 ? kReject : step == 1 ? kQuarantine : kSoftFail;
  const OptionText text({policy_domain, " : ", proof.spf_reason, proof.dkim_reason});
  const bool vouched = symbol != kSoftFail && is_vouched_for(plan, evidence, judgement);
  say(plan, judgement, symbol, text.view(), policy_text(wish),
      sampled_out ? plan.walks ? "test_mode" : "sampled_out" : "", vouched ? 0.1 : 1);
  Fate fate{.judged = true};
  if (vouched) {
    add_option(plan, judgement, symbol, "ARC trusted");
    fate.reason = "trusted_forwarder";
    return fate;
  }
  fate.disposition = policy_text(static_cast<DmarcPolicy>(step));
  if (sampled_out) fate.reason = plan.walks ? "policy_test_mode" : "sampled_out";
  if (const ActionId action = plan.actions[static_cast<size_t>(step)]; action != kNoId<ActionId>) {
    PreResult result{.action = action};
    result.least = true;
    result.message = "Action set by DMARC";
    result.module = "dmarc";
    judgement.pre_result(result);
  }
  return fate;
}

// False: answers are open. `policy_domain`: whose record it is.
bool conclude(const DmarcPlan& plan, const Evidence& evidence, Judgement& judgement,
              Alignment& alignment, std::string_view from, std::string_view policy_domain,
              const DmarcRecord& record, DmarcPolicy wish, Fate& fate) {
  const Proof proof = prove(plan, evidence, judgement, alignment, record);
  if (alignment.waiting()) return false;
  if (proof.passed) {
    say(plan, judgement, kAllow, policy_domain, policy_text(wish));
    fate = {.judged = true, .passed = true};
  } else {
    fate = fails(plan, evidence, judgement, proof, policy_domain, record, wish);
  }
  fate.strict = wish != DmarcPolicy::kNone;
  if (fate.judged && plan.reporting)
    plan.reporting->report({.from = from,
                            .policy_domain = policy_domain,
                            .record = record,
                            .dkim = proof.dkim,
                            .spf = proof.spf,
                            .disposition = fate.disposition,
                            .reason = fate.reason,
                            .walks = plan.walks},
                           evidence, judgement);
  return true;
}
// Both names at once, while content is at hand: they do not depend on what SPF finds.
void ask(const CheckPlan& plan, const Batch& batch, Asker& asker) {
  const bool walks = static_cast<const DmarcPlan&>(plan).walks;
  for (uint32_t row = 0; row < batch.rows; ++row) {
    const Envelope& envelope = batch.envelopes[row];
    if (plan.skips(envelope)) continue;
    if (!envelope.ip.valid() && !find_header(batch, row, known::kDkimSignature)) continue;
    std::string_view why;
    const std::string_view domain = from_domain(batch.addresses.row(row), why);
    if (domain.empty()) continue;
    const Names names = policy_names(domain);
    if (names.author.empty()) continue;
    asker.ask(row, QuestionKind::kDns, rr::kTxt, names.author.view());
    if (walks) continue;
    if (names.differ) asker.ask(row, QuestionKind::kDns, rr::kTxt, names.organisation.view());
  }
}

// By the tree walk of RFC 9989.
Judged judge_walk(const DmarcPlan& plan, const Evidence& evidence, Judgement& judgement,
                  std::string_view from, Fate& fate) {
  const DnsName author(from);
  const DmarcWalk walk = walk_dmarc(author.view(), judgement);
  if (walk.state == WalkState::kWaiting) return Judged::kWaiting;
  if (walk.state == WalkState::kUnknown) {
    if (walk.unasked) return Judged::kDone;
    say(plan, judgement, kDnsFail, OptionText({from, " : no answer"}).view());
    return Judged::kDone;
  }
  if (walk.policy == kDmarcWalkMax) {
    say(plan, judgement, kNa, from);
    return Judged::kDone;
  }
  const DmarcRecord& record = walk.steps[walk.policy].record;
  // A policy that is none counts as none where reports are wanted, else as no record (4.7).
  if (!record.bad_policy.empty() && !record.has_reports) {
    say(plan, judgement, kNa, OptionText({from, ": no valid DMARC record"}).view());
    return Judged::kDone;
  }
  DmarcPolicy wish = record.policy;
  if (walk.policy > 0) {
    wish = record.subdomain_policy;
    if (record.absent_policy != record.subdomain_policy) {
      const Answer* const exists = judgement.ask(QuestionKind::kDns, rr::kA, author.view());
      if (!exists) return Judged::kWaiting;
      if (exists->state == AnswerState::kNone && !exists->name_exists) wish = record.absent_policy;
    }
  }
  Alignment alignment(from, walk.organisation, judgement);
  if (!conclude(plan, evidence, judgement, alignment, from, walk.steps[walk.policy].domain, record,
                wish, fate))
    return Judged::kWaiting;
  if (const std::string_view listed = find_suffix(author.view()).domain;
      listed != walk.organisation)
    say(plan, judgement, kDiffers,
        OptionText({from, ": ", walk.organisation, " by the tree, ", listed, " by the list"})
            .view());
  return Judged::kDone;
}

Judged judge_domain(const DmarcPlan& plan, const Evidence& evidence, Judgement& judgement,
                    Fate& fate) {
  if (!evidence.envelope.ip.valid() && !has(judgement, plan.dkim_trace)) return Judged::kDone;
  std::string_view why;
  const std::string_view from = from_domain(evidence.addresses, why);
  const Names names = policy_names(from);
  if (from.empty() || names.author.empty()) {
    say(plan, judgement, kNa, from.empty() ? why : "No domain in From header");
    return Judged::kDone;
  }
  if (plan.walks) return judge_walk(plan, evidence, judgement, from, fate);
  const Answer* const author = judgement.ask(QuestionKind::kDns, rr::kTxt, names.author.view());
  const Answer* const organisation =
      names.differ ? judgement.ask(QuestionKind::kDns, rr::kTxt, names.organisation.view())
                   : author;
  if (!author || !organisation) return Judged::kWaiting;
  DmarcRecord record;
  Found found = find_record(plan, judgement, from, *author, record);
  DmarcPolicy wish = record.policy;
  const Found first = found;
  std::string_view policy_domain = from;
  if (names.differ && (found == Found::kNone || found == Found::kNoRecord)) {
    policy_domain = names.organisation.view().substr(kUnderscored.size());
    found = find_record(plan, judgement, from, *organisation, record);
    wish = record.subdomain_policy;
  }
  if (found == Found::kFinal) return Judged::kDone;
  if (found == Found::kRecord) {
    Alignment alignment(from, {}, judgement);
    conclude(plan, evidence, judgement, alignment, from, policy_domain, record, wish, fate);
  } else if (found == Found::kNoRecord || first == Found::kNoRecord) {
    say(plan, judgement, kNa, OptionText({from, ": no valid DMARC record"}).view());
  } else {
    say(plan, judgement, kNa, from);
  }
  return Judged::kDone;
}

void content(const CheckPlan& base, Batch& batch) {
  const auto& plan = static_cast<const DmarcPlan&>(base);
  if (!plan.munging || !plan.munging->has_condition()) return;
  std::optional<RegexScratch> scratch;
  for (uint32_t row = 0; row < batch.rows; ++row)
    if (plan.munging->may_rewrite(batch, row, batch.arena, scratch))
      batch.symbols.push_back({row, plan.may_munge, 1, {}, {}});
}

Judged judge(const CheckPlan& base, const Evidence& evidence, Judgement& judgement) {
  const auto& plan = static_cast<const DmarcPlan&>(base);
  if (has_fact(evidence, plan.given)) return Judged::kDone;
  Fate fate;
  if (judge_domain(plan, evidence, judgement, fate) == Judged::kWaiting) return Judged::kWaiting;
  if (!plan.munging || plan.symbols[kMunged] == kNoId<SymbolId>) return Judged::kDone;
  if (plan.munging->has_condition() && !has_fact(evidence, plan.may_munge)) return Judged::kDone;
  const std::string_view list = plan.munging->list_of(evidence, fate.passed, fate.strict);
  if (!list.empty()) judgement.insert(plan.symbols[kMunged], 1, list);
  return Judged::kDone;
}

void edit(const CheckPlan& base, const EditInput& input, std::vector<Edit>& edits) {
  const auto& plan = static_cast<const DmarcPlan&>(base);
  if (!plan.munging) return;
  const VerdictSymbol* const munged = find_symbol(input.verdict, plan.symbols[kMunged]);
  if (munged && !munged->options.empty())
    plan.munging->edit(input.evidence, munged->options[0], edits);
}

}  // namespace

extern constexpr Check kDmarc{
    .name = "dmarc",
    .text = "Judges whether the visible sender's domain is proved by SPF or DKIM.",
    .options = kOptions,
    .symbols = kSymbols,
    .names = kNames,
    .after = kAfter,
    .local_skip = true,
    .compile = compile,
    .content = content,
    .ask = ask,
    .judge = judge,
    .edit = edit,
};

}  // namespace winnow
