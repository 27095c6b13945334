#include "engine/crypt/verify.h"

#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "engine/crypt/openssl_owned.h"

namespace winnow {

namespace {

using openssl::bytes_of;
using openssl::ErrorsCleared;
using openssl::Free;
using openssl::Key;

Key rsa_key(std::string_view der) {
  const unsigned char* at = bytes_of(der);
  Key key(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
  if (!key) {
    at = bytes_of(der);
    key.reset(d2i_PublicKey(EVP_PKEY_RSA, nullptr, &at, static_cast<long>(der.size())));
  }
  if (key && (EVP_PKEY_base_id(key.get()) != EVP_PKEY_RSA ||
              EVP_PKEY_bits(key.get()) < kRsaBitsMin || EVP_PKEY_bits(key.get()) > kRsaBitsMax))
    key.reset();
  return key;
}

}  // namespace

Verified verify_rsa(std::string_view key, HashKind kind, std::string_view digest,
                    std::string_view signature) {
  const ErrorsCleared cleared;
  const Key rsa = rsa_key(key);
  if (!rsa) return Verified::kBadKey;
  const std::unique_ptr<EVP_PKEY_CTX, Free> context(EVP_PKEY_CTX_new(rsa.get(), nullptr));
  const EVP_MD* const hash = kind == HashKind::kSha1 ? EVP_sha1() : EVP_sha256();
  if (!context || EVP_PKEY_verify_init(context.get()) != 1 ||
      EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) != 1 ||
      EVP_PKEY_CTX_set_signature_md(context.get(), hash) != 1)
    return Verified::kBadKey;
  const int good = EVP_PKEY_verify(context.get(), bytes_of(signature), signature.size(),
                                   bytes_of(digest), digest.size());
  return good == 1 ? Verified::kGood : Verified::kBad;
}

Verified verify_ed25519(std::string_view key, std::string_view message,
                        std::string_view signature) {
  const ErrorsCleared cleared;
  if (key.size() != 32) return Verified::kBadKey;
  const Key raw(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(key), key.size()));
  const std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
  if (!raw || !context ||
      EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, raw.get()) != 1)
    return Verified::kBadKey;
  const int good = EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(),
                                    bytes_of(message), message.size());
  return good == 1 ? Verified::kGood : Verified::kBad;
}

}  // namespace winnow
