#include "rules/checks/auth/dkim_key.h"

#include "engine/crypt/base64_text.h"
#include "engine/crypt/verify.h"

namespace winnow {

namespace {

// Whether the key may and does verify the signature.
DkimResult judge_key(const DkimSignature& signature, const DkimKey& key) {
  if (signature.body == BodyHash::kNotMade) return DkimResult::kTempFail;
  constexpr size_t kKeyTextMax = 4096;
  const bool ed25519 = signature.algorithm == DkimAlgorithm::kEd25519Sha256;
  const bool sha1 = signature.algorithm == DkimAlgorithm::kRsaSha1;
  if (key.revoked || (key.type == DkimKeyType::kEd25519) != ed25519 ||
      !(sha1 ? key.allows_sha1 : key.allows_sha256) ||
      (key.strict && !signature.identity_is_domain) || key.p.size() > kKeyTextMax)
    return DkimResult::kPermFail;
  char bytes[kKeyTextMax];
  const size_t size = decode_base64_text(key.p, bytes, sizeof bytes);
  if (size == SIZE_MAX) return DkimResult::kPermFail;
  const std::string_view der(bytes, size);
  if (signature.body == BodyHash::kOther) return DkimResult::kBad;
  const Verified verified = ed25519 ? verify_ed25519(der, signature.digest, signature.signature)
                                    : verify_rsa(der, sha1 ? HashKind::kSha1 : HashKind::kSha256,
                                                 signature.digest, signature.signature);
  return verified == Verified::kGood  ? DkimResult::kGood
         : verified == Verified::kBad ? DkimResult::kBad
                                      : DkimResult::kPermFail;
}

}  // namespace

DnsName key_name(const DkimSignature& signature) {
  DnsName name;
  name.append(signature.selector);
  name.append("._domainkey.");
  name.append(signature.domain);
  name.close();
  return name;
}

DkimResult judge_signature(const DkimSignature& signature, const Answer* answer) {
  if (!answer) return DkimResult::kPermFail;  // a name that DNS cannot hold
  if (answer->state == AnswerState::kUnknown) return DkimResult::kTempFail;
  for (const std::string_view value : answer->values) {
    DkimKey key;
    if (parse_dkim_key(value, key)) return judge_key(signature, key);
  }
  return DkimResult::kPermFail;
}

}  // namespace winnow
