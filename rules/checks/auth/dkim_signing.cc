// dkim_signing: signs mail of our own domains (RFC 6376, RFC 8463; facts: "DKIM sign").
//
// content() decides who signs, hashes the body, and leaves that with the fields that signatures
// cover in the option of a fact that never shows. When the verdict stands, judge() says DKIM_SIGNED
// and sign() makes the signatures over the fields as those
// leave them. Mail that nobody here signs costs nothing.
#include <array>

#include "rules/checks/auth/option_text.h"
#include "rules/checks/auth/signing.h"
#include "rules/checks/auth/signing_options.h"
#include "rules/checks/outcome/authentication_results.h"
#include "rules/checks/row.h"
#include "rules/config/ucl.h"

namespace winnow {

namespace {

enum Sym : uint32_t { kSigned, kFact, kCount };

constexpr std::array<SymbolDecl, kCount> kSymbols{{
    {"DKIM_SIGNED", "policies", 0, "Signed here."},
    {"DKIM_SIGNING", "policies", 0, ""},  // a packed SignedMail, for judge() and sign() alone
}};

constexpr std::array kOptions = join_options(
    kSigningOptions, std::array{OptionDecl{"symbol", OptionType::kString, "DKIM_SIGNED",
                                           "The symbol of a signature that was added."},
                                OptionDecl{"use_milter_headers", OptionType::kBool, "false",
                                           "HTTP replies have it among the headers to add."}});

struct SigningPlan final : CheckPlan {
  std::unique_ptr<const SigningPolicy> policy;  // null: nothing is signed
  SymbolId fact = kNoId<SymbolId>, symbol = kNoId<SymbolId>, violation = kNoId<SymbolId>;
  bool as_header = false;
};

const SigningPlan& plan_of(const CheckPlan& plan) { return static_cast<const SigningPlan&>(plan); }

std::string_view symbol_name(const CompileContext& context) {
  return context.options ? context.options->string("symbol", kSymbols[kSigned].name)
                         : kSymbols[kSigned].name;
}

void declare(CompileContext& context) {
  if (const std::string_view name = symbol_name(context); name != kSymbols[kSigned].name)
    context.declare(name, nullptr, 0, kSymbols[kSigned].group, "");
}

std::unique_ptr<CheckPlan> compile(CompileContext& context) {
  auto plan = std::make_unique<SigningPlan>();
  plan->policy = SigningPolicy::compile(context, {.module = "dkim_signing",
                                                  .selector = "dkim",
                                                  .key_prefix = "DKIM_KEYS",
                                                  .headers = kDkimHeaders,
                                                  .sign_inbound = false,
                                                  .sign_local = true,
                                                  .sign_authenticated = true,
                                                  .allow_hdrfrom_mismatch = false,
                                                  .use_domain = "header"});
  plan->fact = context.symbol(kSymbols[kFact].name);
  plan->symbol = context.symbol(symbol_name(context));
  plan->violation = context.symbol("R_DKIM_REJECT");
  if (context.options) plan->as_header = context.options->flag("use_milter_headers", false);
  return plan;
}

void content(const CheckPlan& base, Batch& batch) {
  const SigningPlan& plan = plan_of(base);
  if (!plan.policy) return;
  std::optional<RegexScratch> scratch;
  SignedMail mail;
  for (uint32_t row = 0; row < batch.rows; ++row) {
    plan.policy->signers(batch, row, scratch, mail.signers);
    if (mail.signers.empty()) continue;
    mail.fields.clear();
    gather_fields(own_headers(batch, row), plan.policy->names(), false, mail.fields);
    mail.body_digest = relaxed_body_digest(batch, row);
    batch.symbols.push_back({row, plan.fact, 1, pack_signed_mail(mail, batch.arena), {}});
  }
}

void ask(const CheckPlan& base, const Batch& batch, Asker& asker) {
  const SigningPlan& plan = plan_of(base);
  if (plan.policy) ask_for_keys(*plan.policy, plan.fact, batch, asker);
}

Judged judge(const CheckPlan& base, const Evidence& evidence, Judgement& judgement) {
  const SigningPlan& plan = plan_of(base);
  SignedMail mail;
  if (!plan.policy || !find_signed_mail(evidence, plan.fact, mail)) return Judged::kDone;
  const bool violated = plan.violation != kNoId<SymbolId> && judgement.has_symbol(plan.violation);
  if (!is_signed(*plan.policy, mail, judgement.action(), violated)) return Judged::kDone;
  bool waiting = false;
  for (const Signer& signer : mail.signers) {
    const SigningKey key = find_signing_key(*plan.policy, signer, judgement);
    waiting |= key.waiting;
    if (!key.found) continue;
    const Answer* answer = nullptr;
    if (plan.policy->check_pubkey) {
      answer = judgement.ask(QuestionKind::kDns, rr::kTxt, key_name(key.signer).view());
      waiting |= !answer;
    }
    if (!is_published(*plan.policy, key, answer)) continue;
    if (plan.symbol != kNoId<SymbolId>)
      judgement.insert(plan.symbol, 1,
                       OptionText({signer.domain, ":s=", key.signer.selector}).view());
  }
  return waiting ? Judged::kWaiting : Judged::kDone;
}

void sign(const CheckPlan& base, const EditInput& input, std::vector<Edit>& edits) {
  const SigningPlan& plan = plan_of(base);
  SignedMail mail;
  if (!plan.policy || !find_signed_mail(input.evidence, plan.fact, mail) ||
      !is_signed(*plan.policy, mail, input.verdict.action,
                 find_symbol(input.verdict, plan.violation) != nullptr))
    return;
  apply_field_edits(edits, input.verdict.subject, mail.fields);
  const std::string digest = edited_body_digest(edits, mail.body_digest);
  std::vector<Edit> made;
  for (const Signer& signer : mail.signers) {
    const SigningKey key = find_signing_key(*plan.policy, signer, input);
    if (!key.key || !is_published(*plan.policy, key, known_answer(input.evidence, key.signer)))
      continue;
    std::string value = make_signature(key.signer, *key.key, input.evidence.envelope.now_ms / 1000,
                                       0, digest, plan.policy->names(), mail.fields);
    if (!value.empty())
      made.push_back({plan.as_header ? EditKind::kAddHeader : EditKind::kSignature, 1,
                      "DKIM-Signature", std::move(value)});
  }
  // `fields` has views into `edits`: these grow when the signatures are made.
  for (Edit& one : made) edits.push_back(std::move(one));
}

}  // namespace

extern constexpr Check kDkimSigning{
    .name = "dkim_signing",
    .text = "Signs mail of the domains whose keys are here.",
    .options = kOptions,
    .symbols = kSymbols,
    .declare = declare,
    .compile = compile,
    .content = content,
    .ask = ask,
    .judge_last = judge,
    .sign = sign,
};

}  // namespace winnow
