#include "rules/checks/auth/signing.h"

#include "engine/score/questions.h"
#include "rules/checks/auth/dkim_digest.h"
#include "rules/checks/auth/dkim_key.h"

namespace winnow {

bool is_signed(const SigningPolicy& policy, ActionId action, bool violated) {
  if (policy.check_violation && violated) return false;
  if (action == policy.reject || action == policy.soft_reject) return false;
  return !policy.skip_spam_sign || action == policy.no_action || action == policy.greylist;
}

std::string_view relaxed_body_digest(Batch& batch, uint32_t row) {
  BodyHashes bodies(batch.raw[row].substr(batch.facts[row].body_offset), batch.arena);
  return bodies.digest(Canonical::kRelaxed, HashKind::kSha256);
}

bool find_signed_mail(const Evidence& evidence, SymbolId fact, SignedMail& out) {
  for (const SymbolFact& one : evidence.symbols)
    if (one.symbol == fact) return unpack_signed_mail(one.option, out);
  return false;
}

void ask_for_keys(const SigningPolicy& policy, SymbolId fact, const Batch& batch, Asker& asker) {
  if (!policy.check_pubkey) return;
  SignedMail mail;
  for (const SymbolHit& hit : batch.symbols) {
    if (hit.symbol != fact || !unpack_signed_mail(hit.option, mail)) continue;
    for (const Signer& signer : mail.signers)
      if (const DnsName name = key_name(signer); !name.empty())
        asker.ask(hit.row, QuestionKind::kDns, rr::kTxt, name.view());
  }
}

const Answer* known_answer(const Evidence& evidence, const Signer& signer) {
  const DnsName name = key_name(signer);
  const uint32_t at = find_question(evidence.questions, QuestionKind::kDns, rr::kTxt, name.view());
  return at == kNoIndex ? nullptr : &evidence.answers[at];
}

bool is_published(const SigningPolicy& policy, const PrivateKey& key, const Answer* answer) {
  if (!policy.check_pubkey || policy.allow_pubkey_mismatch) return true;
  if (!answer || answer->state != AnswerState::kValue) return false;
  const std::string ours = key.public_key();
  for (const std::string_view value : answer->values) {
    DkimKey published;
    if (!parse_dkim_key(value, published)) continue;
    char bytes[4096];
    const size_t size = decode_key_base64(published.p, bytes, sizeof bytes);
    if (size == SIZE_MAX || size == 0) return false;
    // Some publish RSAPublicKey alone: it is the end of SubjectPublicKeyInfo.
    const std::string_view theirs(bytes, size);
    constexpr size_t kAloneMin = 100;
    return theirs == ours ||
           (!key.is_ed25519() && size > kAloneMin && std::string_view(ours).ends_with(theirs));
  }
  return false;
}

DnsName key_name(const Signer& signer) {
  DkimSignature signature;
  signature.domain = signer.domain;
  signature.selector = signer.selector;
  return key_name(signature);
}

}  // namespace winnow
