#include "rules/checks/auth/signing.h"

#include <fmt/format.h>

#include "engine/crypt/base64_text.h"
#include "engine/score/questions.h"
#include "rules/checks/auth/dkim_digest.h"
#include "rules/checks/auth/dkim_key.h"
#include "rules/checks/auth/request_key.h"
#include "rules/checks/auth/signing_keys.h"

namespace winnow {

bool is_signed(const SigningPolicy& policy, const SignedMail& mail, ActionId action,
               bool violated) {
  if (!mail.signers.empty())
    if (const auto asked = read_request_key_name(mail.signers[0].key); asked && asked->in_any_case)
      return true;
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

namespace {

// `ask`: an answer to a question of kind kStore; null where it is open.
template <class Ask>
SigningKey find_key(const SigningPolicy& policy, const Signer& signer, Ask ask) {
  SigningKey out;
  out.signer = signer;
  if (const std::optional<RequestKeyName> asked = read_request_key_name(signer.key)) {
    out.found = true;
    out.public_key = decode_base64_text(asked->public_key);
    out.is_ed25519 = asked->is_ed25519;
    return out;
  }
  const std::optional<StoredKeyName> stored = read_stored_key_name(signer.key);
  if (!stored) {
    if (const PrivateKey* const key = policy.key(signer.key)) {
      out.found = true;
      out.key = *key;
      if (policy.check_pubkey) out.public_key = key->public_key();
      out.is_ed25519 = key->is_ed25519();
    }
    return out;
  }
  const auto text = [&](std::string_view hash, std::string_view field) {
    return fmt::format("{}\n{}\n{}", stored->module, hash, field);
  };
  const auto take = [&](const Answer* answer, size_t values) {
    out.waiting = !answer;
    if (!answer || answer->state != AnswerState::kValue || answer->values.size() != values)
      return false;
    out.signer.key = answer->values[0];
    out.public_key = answer->values[1];
    out.is_ed25519 = answer->values[2] == "ed25519";
    return true;
  };
  if (stored->keys.starts_with(kVaultKeys)) {
    const Answer* const answer = ask(kStoredKey, text(stored->keys, signer.domain));
    out.found = take(answer, 4) && !DnsName(answer->values[3]).empty();
    if (out.found) out.signer.selector = answer->values[3];
    return out;
  }
  if (signer.selector.empty()) {
    const Answer* const answer = ask(kStoredSelector, text(stored->selectors, signer.domain));
    out.waiting = !answer;
    if (!answer || answer->state != AnswerState::kValue) return out;
    if (DnsName(answer->values[0]).empty()) return out;
    out.signer.selector = answer->values[0];
  }
  const std::string field = fmt::format("{}.{}", out.signer.selector, signer.domain);
  out.found = take(ask(kStoredKey, text(stored->keys, field)), 3);
  return out;
}

}  // namespace

SigningKey find_signing_key(const SigningPolicy& policy, const Signer& signer,
                            Judgement& judgement) {
  return find_key(policy, signer, [&](uint16_t type, std::string_view key) {
    return judgement.ask(QuestionKind::kStore, type, key);
  });
}

SigningKey find_signing_key(const SigningPolicy& policy, const Signer& signer,
                            const EditInput& input) {
  SigningKey out =
      find_key(policy, signer, [&](uint16_t type, std::string_view key) -> const Answer* {
        const Evidence& evidence = input.evidence;
        const uint32_t at = find_question(evidence.questions, QuestionKind::kStore, type, key);
        return at == kNoIndex ? nullptr : &evidence.answers[at];
      });
  if (out.found && !out.key && input.keys) out.key = input.keys->find(out.signer.key);
  return out;
}

bool is_published(const SigningPolicy& policy, const SigningKey& key, const Answer* answer) {
  if (!policy.check_pubkey || policy.allow_pubkey_mismatch) return true;
  if (!answer || answer->state != AnswerState::kValue) return false;
  const std::string_view ours = key.public_key;
  for (const std::string_view value : answer->values) {
    DkimKey published;
    if (!parse_dkim_key(value, published)) continue;
    char bytes[4096];
    const size_t size = decode_base64_text(published.p, bytes, sizeof bytes);
    if (size == SIZE_MAX || size == 0) return false;
    // Some publish RSAPublicKey alone: it is the end of SubjectPublicKeyInfo.
    const std::string_view theirs(bytes, size);
    constexpr size_t kAloneMin = 100;
    return theirs == ours || (!key.is_ed25519 && size > kAloneMin && ours.ends_with(theirs));
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
