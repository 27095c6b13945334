// A chain that is broken in form, that failed before (its newest seal says so), or whose keys did
// not come is not gone on with. A chain that fails here gets the seal that says so, over its own
// set alone (RFC 8617 5.1.2).
#include "rules/checks/auth/arc_sealing.h"

#include <fmt/format.h>

#include "rules/checks/auth/arc_chain.h"
#include "rules/checks/auth/option_text.h"
#include "rules/checks/auth/tag_list.h"
#include "rules/checks/row.h"
#include "rules/config/ucl.h"

namespace winnow {

namespace {

constexpr std::string_view kResults = "ARC-Authentication-Results", kSeal = "ARC-Seal",
                           kReused = "Authentication-Results";

uint32_t next_instance(const SignedMail& mail) {
  uint32_t seals = 0;
  for (const MailField& field : mail.fields) seals += equal_caseless(field.name, kSeal);
  return seals + 1;
}

// cv= of the next seal; empty where there should be none.
template <class Has>
std::string_view chain_value(const ArcSealing& sealing, uint32_t instance, Has has) {
  if (instance == 1) return "none";
  if (sealing.allow != kNoId<SymbolId> && has(sealing.allow)) return "pass";
  if (sealing.reject != kNoId<SymbolId> && has(sealing.reject)) return "fail";
  return {};
}

// The authserv-id of results (RFC 8601 2.2).
std::string_view authserv_id(std::string_view results) {
  const std::string_view first = trimmed(results.substr(0, results.find(';')));
  return first.substr(0, first.find_first_of(" \t\r\n("));
}

// Results that the message brought, where they are to be passed on.
const MailField* reused_results(const ArcSealing& sealing, const SignedMail& mail) {
  for (const MailField& field : mail.fields)
    if (sealing.reuses_results && equal_caseless(field.name, kReused) &&
        (sealing.trusted_authserv_id.empty() ||
         equal_caseless(authserv_id(field.value), sealing.trusted_authserv_id)))
      return &field;
  return nullptr;
}

std::string results_value(const ArcSealing& sealing, const EditInput& input, const SignedMail& mail,
                          uint32_t instance) {
  std::string out = fmt::format("i={}; ", instance);
  if (const MailField* const reused = reused_results(sealing, mail)) {
    for (const char c : trimmed(reused->value))
      if (c != '\r') out += c;
    return out;
  }
  return append_authentication_results(sealing.results, input, out) ? out : std::string();
}

}  // namespace

std::string_view seal_symbol_name(const CompileContext& context) {
  return context.options ? context.options->string("sign_symbol", "ARC_SIGNED") : "ARC_SIGNED";
}

ArcSealing compile_sealing(CompileContext& context) {
  ArcSealing sealing;
  sealing.policy = SigningPolicy::compile(context, {.module = "arc",
                                                    .selector = "arc",
                                                    .key_prefix = "ARC_KEYS",
                                                    .headers = kArcHeaders,
                                                    .sign_inbound = true,
                                                    .sign_local = false,
                                                    .sign_authenticated = false,
                                                    .allow_hdrfrom_mismatch = true,
                                                    .use_domain = "recipient"});
  if (!sealing.policy) return sealing;
  sealing.results = make_authentication_plan(context, nullptr);
  sealing.fact = context.symbol("ARC_SEALING");
  sealing.symbol = context.symbol(seal_symbol_name(context));
  sealing.violation = context.symbol("R_DKIM_REJECT");
  sealing.allow = context.symbol("ARC_ALLOW");
  sealing.reject = context.symbol("ARC_REJECT");
  sealing.reuses_results = context.options->flag("reuse_auth_results", false);
  sealing.trusted_authserv_id = context.options->string("trusted_authserv_id", "");
  return sealing;
}

void leave_for_sealing(const ArcSealing& sealing, Batch& batch) {
  if (!sealing.policy) return;
  std::optional<RegexScratch> scratch;
  SignedMail mail;
  for (uint32_t row = 0; row < batch.rows; ++row) {
    sealing.policy->signers(batch, row, scratch, mail.signers);
    if (mail.signers.empty()) continue;
    mail.signers.resize(1);
    const std::span<const Header> own = own_headers(batch, row);
    const ArcChain chain = read_arc_chain(own);
    if (!chain.invalid.empty() || chain.has_seal != chain.has_signature ||
        chain.sets >= kArcInstancesMax)
      continue;
    if (chain.sets > 0 &&
        equal_caseless(arc_tag(own[chain.seals[chain.sets]].unfolded, "cv"), "fail"))
      continue;
    mail.fields.clear();
    gather_fields(own, sealing.policy->names(), true, mail.fields);
    if (sealing.reuses_results)
      for (const Header& header : own)
        if (header.id == header_id(known::kAuthenticationResults))
          mail.fields.push_back({kReused, header.raw});
    mail.body_digest = relaxed_body_digest(batch, row);
    batch.symbols.push_back({row, sealing.fact, 1, pack_signed_mail(mail, batch.arena), {}});
  }
}

void ask_for_sealing(const ArcSealing& sealing, const Batch& batch, Asker& asker) {
  if (!sealing.policy) return;
  ask_for_keys(*sealing.policy, sealing.fact, batch, asker);
}

Judged judge_sealing(const ArcSealing& sealing, const Evidence& evidence, Judgement& judgement) {
  SignedMail mail;
  if (!sealing.policy || !find_signed_mail(evidence, sealing.fact, mail)) return Judged::kDone;
  const bool violated =
      sealing.violation != kNoId<SymbolId> && judgement.has_symbol(sealing.violation);
  const uint32_t instance = next_instance(mail);
  const std::string_view cv =
      chain_value(sealing, instance, [&](SymbolId symbol) { return judgement.has_symbol(symbol); });
  if (cv.empty() || !is_signed(*sealing.policy, mail, judgement.action(), violated))
    return Judged::kDone;
  const SigningKey key = find_signing_key(*sealing.policy, mail.signers[0], judgement);
  if (key.waiting) return Judged::kWaiting;
  if (!key.found) return Judged::kDone;
  const Answer* answer = nullptr;
  if (sealing.policy->check_pubkey) {
    answer = judgement.ask(QuestionKind::kDns, rr::kTxt, key_name(key.signer).view());
    if (!answer) return Judged::kWaiting;
  }
  if (is_published(*sealing.policy, key, answer) && sealing.symbol != kNoId<SymbolId>)
    judgement.insert(
        sealing.symbol, 1,
        OptionText({key.signer.domain, ":s=", key.signer.selector, ":i="}).add(instance).view());
  return Judged::kDone;
}

void edit_sealing(const ArcSealing& sealing, const EditInput& input, std::vector<Edit>& edits) {
  SignedMail mail;
  if (!sealing.policy || !find_signed_mail(input.evidence, sealing.fact, mail)) return;
  const auto has = [&](SymbolId symbol) { return find_symbol(input.verdict, symbol) != nullptr; };
  const uint32_t instance = next_instance(mail);
  const std::string_view cv = chain_value(sealing, instance, has);
  if (cv.empty() || !is_signed(*sealing.policy, mail, input.verdict.action, has(sealing.violation)))
    return;
  const SigningKey found = find_signing_key(*sealing.policy, mail.signers[0], input);
  const Signer& signer = found.signer;
  const std::optional<PrivateKey>& key = found.key;
  if (!key || !is_published(*sealing.policy, found, known_answer(input.evidence, signer))) return;
  std::string results = results_value(sealing, input, mail, instance);
  if (results.empty()) return;
  apply_field_edits(edits, input.verdict.subject, mail.fields);
  const int64_t now_s = input.evidence.envelope.now_ms / 1000;
  std::string signature =
      make_signature(signer, *key, now_s, instance, edited_body_digest(edits, mail.body_digest),
                     sealing.policy->names(), mail.fields);
  if (signature.empty()) return;
  std::string seal = make_seal(signer, *key, now_s, instance, cv, mail.fields, results, signature);
  if (seal.empty()) return;
  // Each on top of the one before: the seal is the first of the message.
  edits.push_back({EditKind::kAddHeader, 1, kResults, std::move(results)});
  edits.push_back({EditKind::kAddHeader, 1, "ARC-Message-Signature", std::move(signature)});
  edits.push_back({EditKind::kAddHeader, 1, kSeal, std::move(seal)});
}

}  // namespace winnow
