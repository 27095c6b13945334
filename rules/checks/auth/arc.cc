// ARC: whether the chain of those who forwarded the message holds (RFC 8617 5.2; facts: "ARC").
//
// content() reads the sets. Whole sets leave one fact a signature: an ArcLink, packed like DKIM's
// DkimSignature, for the newest ARC-Message-Signature and then each seal from the newest to the
// first. Each seal covers all sets up to its own, so the digests of all are made in one pass, the
// state of the hash kept before each seal. Where no key can be had (Batch::silent) nothing is
// hashed; what is said is the same, as an unknown key is said before a digest is looked at.
//
// judge() asks for the keys (asked already by ask()) and verifies until one fails. A chain whose
// newest seal says that it failed is judged without keys.
#include <array>

#include "rules/checks/auth/arc_link.h"
#include "rules/checks/auth/arc_sealing.h"
#include "rules/checks/auth/dkim_digest.h"
#include "rules/checks/auth/dkim_key.h"
#include "rules/checks/auth/option_text.h"
#include "rules/checks/auth/signing_options.h"
#include "rules/checks/auth/tag_list.h"
#include "rules/checks/check.h"
#include "rules/checks/row.h"
#include "rules/config/ucl.h"
#include "rules/maps/map.h"

namespace winnow {

namespace {

enum Sym : uint32_t {
  kNone,
  kInvalid,
  kAllow,
  kReject,
  kDnsFail,
  kTrusted,
  kSealed,
  kFact,
  kSealFact,
  kCount
};

constexpr std::array<SymbolDecl, kCount> kSymbols{{
    {"ARC_NA", "arc", 0, "Has no ARC set."},
    {"ARC_INVALID", "arc", 0.5, "Its ARC sets are not whole."},
    {"ARC_ALLOW", "arc", -1, "The chain of its ARC sets verifies."},
    {"ARC_REJECT", "arc", 1, "The chain of its ARC sets does not verify."},
    {"ARC_DNSFAIL", "arc", 0, "A key of its ARC sets could not be looked up."},
    {"ARC_ALLOW_TRUSTED", "arc", -2, "A trusted forwarder sealed it."},
    {"ARC_SIGNED", "arc", 0, "Sealed here."},
    {"ARC_LINK", "arc", 0, ""},     // a packed ArcLink, for judge() alone
    {"ARC_SEALING", "arc", 0, ""},  // a packed SignedMail, for sealing alone
}};

constexpr std::array<SymbolName, 6> kNames{{{"symbols.na", "ARC_NA"},
                                            {"symbols.invalid", "ARC_INVALID"},
                                            {"symbols.allow", "ARC_ALLOW"},
                                            {"symbols.reject", "ARC_REJECT"},
                                            {"symbols.dnsfail", "ARC_DNSFAIL"},
                                            {"symbols.trusted_allow", "ARC_ALLOW_TRUSTED"}}};

constexpr std::array kOptions = join_options(
    kSigningOptions,
    std::array{
        OptionDecl{"whitelisted_signers_map", OptionType::kMap, "",
                   "Domains whose seals are trusted."},
        OptionDecl{"whitelist", OptionType::kMap, "",
                   "Domains whose broken signatures are forgiven."},
        OptionDecl{"adjust_dmarc", OptionType::kBool, "true",
                   "A failure of DMARC counts a tenth where a trusted forwarder saw a pass."},
        OptionDecl{"sign_symbol", OptionType::kString, "ARC_SIGNED",
                   "The symbol of a seal that was added."},
        OptionDecl{"reuse_auth_results", OptionType::kBool, "false",
                   "Seals the Authentication-Results that the message brought."},
        OptionDecl{"trusted_authserv_id", OptionType::kString, "", "Whose results are reused."}});

constexpr std::array<std::string_view, 1> kAfter{"spf"};  // so that verifying happens once

struct ArcPlan final : CheckPlan {
  SymbolId fact = kNoId<SymbolId>;
  std::shared_ptr<const Map> trusted, forgiven;  // may be null
  bool adjusts_dmarc = true;
  ArcSealing sealing;
};

void declare(CompileContext& context) {
  if (const std::string_view name = seal_symbol_name(context); name != kSymbols[kSealed].name)
    context.declare(name, nullptr, 0, kSymbols[kSealed].group, "");
}

std::unique_ptr<CheckPlan> compile(CompileContext& context) {
  auto plan = std::make_unique<ArcPlan>();
  plan->fact = context.symbol(kSymbols[kFact].name);
  plan->sealing = compile_sealing(context);
  if (context.options) plan->adjusts_dmarc = context.options->flag("adjust_dmarc", true);
  if (!context.map) return plan;
  plan->trusted = context.map("whitelisted_signers_map");
  plan->forgiven = context.map("whitelist");
  return plan;
}

// One row's chain while its digests are made.
class Chain {
 public:
  Chain(const ArcPlan& plan, Batch& batch, uint32_t row, const ArcChain& sets)
      : plan_(plan),
        batch_(batch),
        row_(row),
        own_(own_headers(batch, row)),
        sets_(sets),
        hashes_(!(batch.silent & 1u << static_cast<uint32_t>(QuestionKind::kDns))) {}

  void leave() {
    if (!sets_.broken.empty()) return fault(sets_.broken);
    const uint32_t newest = sets_.sets;
    for (uint32_t i = newest; i > 1; --i)
      if (!equal_caseless(arc_tag(own_[sets_.seals[i]].unfolded, "cv"), "pass"))
        return fault(i == newest ? "the newest seal says that the chain failed"
                                 : "seal's cv is not pass");
    DkimHeader signature;
    if (!parse_dkim_header(own_[sets_.signatures[newest]].raw, batch_.arena, signature,
                           DkimForm::kArcMessage))
      return fault("signature cannot be read");
    std::array<ArcLink, kArcInstancesMax + 1> links;
    links[0] = message_link(signature);
    Hash prefix(HashKind::kSha256);
    for (uint32_t i = 1; i <= newest; ++i)
      if (!seal_link(i, prefix, links[newest + 1 - i])) return fault("seal cannot be read");
    for (uint32_t i = 0; i <= newest; ++i) push(links[i]);
  }

 private:
  void fault(std::string_view what) {
    const char role = static_cast<char>(ArcRole::kFault);
    batch_.symbols.push_back(
        {row_, plan_.fact, 1, join_text(batch_.arena, std::string_view(&role, 1), what), {}});
  }
  void push(const ArcLink& link) {
    batch_.symbols.push_back({row_, plan_.fact, 1, pack_arc_link(link, batch_.arena), {}});
  }

  static void fill(const DkimHeader& header, DkimSignature& to) {
    to.algorithm = algorithm_of(header);
    to.domain = header.domain;
    to.selector = header.selector;
    to.signature = header.signature;
  }

  ArcLink message_link(const DkimHeader& header) {
    ArcLink link;
    link.role = ArcRole::kMessage;
    link.instance = static_cast<uint8_t>(sets_.sets);
    fill(header, link.signature);
    link.signature.body = BodyHash::kNotMade;
    if (!hashes_) return link;
    BodyHashes bodies(batch_.raw[row_].substr(batch_.facts[row_].body_offset), batch_.arena);
    SignedFields fields(own_, batch_.arena);
    bodies.match(header, link.signature);
    link.signature.digest = fields.digest(header, sets_.signatures[sets_.sets], batch_.arena);
    return link;
  }

  // `prefix` holds all sets before this one, and this one too afterwards.
  bool seal_link(uint32_t instance, Hash& prefix, ArcLink& link) {
    const Header& seal = own_[sets_.seals[instance]];
    DkimHeader header;
    if (!parse_dkim_header(seal.raw, batch_.arena, header, DkimForm::kArcSeal) ||
        header.hash != HashKind::kSha256)
      return false;
    const Header& results = own_[sets_.results[instance]];
    link.role = ArcRole::kSeal;
    link.instance = static_cast<uint8_t>(instance);
    link.dmarc = recorded(recorded_result(results.unfolded, "dmarc"));
    // DMARC's judge asks for a pass alone.
    if (!plan_.adjusts_dmarc && link.dmarc == Recorded::kPass) link.dmarc = Recorded::kOther;
    link.spf = recorded(recorded_result(results.unfolded, "spf"));
    fill(header, link.signature);
    link.signature.body = BodyHash::kNotMade;
    if (!hashes_) return true;
    add_field(results, Canonical::kRelaxed, true, prefix);
    add_field(own_[sets_.signatures[instance]], Canonical::kRelaxed, true, prefix);
    Hash sealed = prefix;
    add_unsigned_field(seal, header, Canonical::kRelaxed, batch_.arena, sealed);
    add_field(seal, Canonical::kRelaxed, true, prefix);
    link.signature.body = BodyHash::kSigned;  // it covers none
    link.signature.digest = batch_.arena.copy(sealed.finish());
    return true;
  }

  static Recorded recorded(std::string_view result) {
    return equal_caseless(result, "pass")   ? Recorded::kPass
           : equal_caseless(result, "fail") ? Recorded::kFail
                                            : Recorded::kOther;
  }

  const ArcPlan& plan_;
  Batch& batch_;
  const uint32_t row_;
  const std::span<const Header> own_;
  const ArcChain& sets_;
  const bool hashes_;  // some key may be had
};

void content(const CheckPlan& base, Batch& batch) {
  const auto& plan = static_cast<const ArcPlan&>(base);
  for (uint32_t row = 0; row < batch.rows; ++row) {
    const ArcChain sets = read_arc_chain(own_headers(batch, row));
    if (!sets.has_seal || !sets.has_signature)
      insert(plan, batch, row, kNone);
    else if (!sets.invalid.empty())
      insert(plan, batch, row, kInvalid, sets.invalid);
    else
      Chain(plan, batch, row, sets).leave();
  }
  leave_for_sealing(plan.sealing, batch);
}

void ask(const CheckPlan& base, const Batch& batch, Asker& asker) {
  const auto& plan = static_cast<const ArcPlan&>(base);
  ask_for_sealing(plan.sealing, batch, asker);
  const SymbolId fact = plan.fact;
  for (const SymbolHit& hit : batch.symbols) {
    ArcLink link;
    if (hit.symbol != fact || !unpack_arc_link(hit.option, link)) continue;
    const DnsName name = key_name(link.signature);
    if (!name.empty()) asker.ask(hit.row, QuestionKind::kDns, rr::kTxt, name.view());
  }
}

void say(const CheckPlan& plan, Judgement& judgement, Sym which, std::string_view option,
         double weight = 1) {
  if (plan.symbols[which] != kNoId<SymbolId>) judgement.insert(plan.symbols[which], weight, option);
}

bool lists(const std::shared_ptr<const Map>& map, std::string_view domain) {
  return map && map->find(domain) != kNoIndex;
}

OptionText name_of(const ArcLink& link) {
  OptionText text({link.signature.domain, ":s=", link.signature.selector, ":i="});
  text.add(link.instance);
  return text;
}

// The signature that fails; what fails first is said.
void refuse(const CheckPlan& plan, Judgement& judgement, const ArcLink& link, DkimResult result) {
  OptionText text({link.role == ArcRole::kSeal ? "seal" : "signature",
                   " check failed: fail, {[1] = sig:", link.signature.domain});
  text.add(result == DkimResult::kPermFail ? ":permerror}" : ":reject}");
  say(plan, judgement, kReject, text.view());
}

// What the seal of a trusted forwarder is worth: less where it saw a failure itself.
double trust(const ArcLink& link) {
  if (link.dmarc == Recorded::kFail) return 0;
  return link.spf == Recorded::kFail ? 0.5 : 1;
}

Judged judge(const CheckPlan& base, const Evidence& evidence, Judgement& judgement) {
  const auto& plan = static_cast<const ArcPlan&>(base);
  std::array<ArcLink, kArcInstancesMax + 1> links;
  size_t count = 0;
  for (const SymbolFact& fact : evidence.symbols) {
    if (fact.symbol != plan.fact || count == links.size()) continue;
    if (unpack_arc_link(fact.option, links[count])) {
      ++count;
    } else if (!fact.option.empty() && fact.option[0] == static_cast<char>(ArcRole::kFault)) {
      say(plan, judgement, kReject, fact.option.substr(1));
      return Judged::kDone;
    }
  }
  const auto key_of = [&](const ArcLink& link) {
    const DnsName name = key_name(link.signature);
    return judgement.ask(QuestionKind::kDns, rr::kTxt, name.view());
  };
  bool is_open = false;
  for (size_t i = 0; i < count; ++i) is_open |= !key_of(links[i]);
  if (count == 0) return Judged::kDone;
  if (is_open) return Judged::kWaiting;
  for (size_t i = 0; i < count; ++i) {
    const DkimResult result = judge_signature(links[i].signature, key_of(links[i]));
    if (result == DkimResult::kGood) continue;
    if (result == DkimResult::kTempFail) {
      if (is_unasked(*key_of(links[i]))) return Judged::kDone;
      say(plan, judgement, kDnsFail, name_of(links[i]).view());
      return Judged::kDone;
    }
    if (lists(plan.forgiven, links[i].signature.domain)) continue;
    refuse(plan, judgement, links[i], result);
    return Judged::kDone;
  }
  say(plan, judgement, kAllow, name_of(links[count > 1 ? 1 : 0]).view());
  for (size_t i = 1; i < count; ++i) {
    if (!lists(plan.trusted, links[i].signature.domain)) continue;
    say(plan, judgement, kTrusted, name_of(links[i]).view(), trust(links[i]));
    break;
  }
  return Judged::kDone;
}

Judged judge_last(const CheckPlan& plan, const Evidence& evidence, Judgement& judgement) {
  return judge_sealing(static_cast<const ArcPlan&>(plan).sealing, evidence, judgement);
}

void sign(const CheckPlan& plan, const EditInput& input, std::vector<Edit>& edits) {
  edit_sealing(static_cast<const ArcPlan&>(plan).sealing, input, edits);
}

}  // namespace

extern constexpr Check kArc{
    .name = "arc",
    .text = "Verifies the chain of ARC sets.",
    .options = kOptions,
    .symbols = kSymbols,
    .names = kNames,
    .after = kAfter,
    .declare = declare,
    .compile = compile,
    .content = content,
    .ask = ask,
    .judge = judge,
    .judge_last = judge_last,
    .sign = sign,
};

}  // namespace winnow
