#include "engine/crypt/verify.h"

#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "engine/crypt/openssl_owned.h"

namespace winnow {

namespace {

using openssl::bytes_of;
using openssl::ErrorsCleared;
using openssl::Free;
using openssl::Key;

// The content of the first DER element of `tag`, cut from `der` with it; nullopt where it is none
// or longer than there are bytes.
std::optional<std::string_view> cut_element(std::string_view& der, int tag) {
  const unsigned char* at = bytes_of(der);
  long bytes = 0;
  int found = 0, kind = 0;
  const int form = ASN1_get_object(&at, &bytes, &found, &kind, static_cast<long>(der.size()));
  if ((form & 0x80) != 0 || (form & 1) != 0 || found != tag || kind != V_ASN1_UNIVERSAL)
    return std::nullopt;
  const auto head = static_cast<size_t>(at - bytes_of(der));
  const std::string_view content = der.substr(head, static_cast<size_t>(bytes));
  der.remove_prefix(head + content.size());
  return content;
}

constexpr std::string_view kRsaEncryption = "\x2A\x86\x48\x86\xF7\x0D\x01\x01\x01";

// SubjectPublicKeyInfo (RFC 5280 4.1) down to its RSAPublicKey (RFC 8017 A.1.1); what is one
// already stays. Empty where it is neither.
std::string_view without_info(std::string_view der) {
  std::string_view rest = der;
  const auto outer = cut_element(rest, V_ASN1_SEQUENCE);
  if (!outer) return {};
  std::string_view inner = *outer;
  if (!inner.empty() && inner[0] == V_ASN1_INTEGER) return der;
  auto algorithm = cut_element(inner, V_ASN1_SEQUENCE);
  if (!algorithm || cut_element(*algorithm, V_ASN1_OBJECT) != kRsaEncryption) return {};
  const auto bits = cut_element(inner, V_ASN1_BIT_STRING);
  return bits && bits->starts_with('\0') ? bits->substr(1) : std::string_view();
}

struct Number {
  std::unique_ptr<BIGNUM, decltype(&BN_free)> value{nullptr, BN_free};
  explicit Number(const std::optional<std::string_view>& big_endian) {
    // Negative numbers are none.
    if (big_endian && !big_endian->empty() && static_cast<signed char>(big_endian->front()) >= 0)
      value.reset(BN_bin2bn(bytes_of(*big_endian), static_cast<int>(big_endian->size()), nullptr));
  }
};

// d2i_PUBKEY() takes 140 us, seven times what checking a signature takes: it looks for a decoder
// anew for each key. So the two numbers are read here, and OpenSSL makes the key of them.
Key rsa_key(std::string_view der) {
  der = without_info(der);
  auto numbers = cut_element(der, V_ASN1_SEQUENCE);
  if (!numbers) return nullptr;
  const Number modulus(cut_element(*numbers, V_ASN1_INTEGER));
  const Number exponent(cut_element(*numbers, V_ASN1_INTEGER));
  if (!modulus.value || !exponent.value || !numbers->empty()) return nullptr;
  const int bits = BN_num_bits(modulus.value.get());
  if (bits < kRsaBitsMin || bits > kRsaBitsMax) return nullptr;
  const std::unique_ptr<OSSL_PARAM_BLD, decltype(&OSSL_PARAM_BLD_free)> builder(
      OSSL_PARAM_BLD_new(), OSSL_PARAM_BLD_free);
  if (!builder ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.value.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.value.get()) != 1)
    return nullptr;
  const std::unique_ptr<OSSL_PARAM, decltype(&OSSL_PARAM_free)> parameters(
      OSSL_PARAM_BLD_to_param(builder.get()), OSSL_PARAM_free);
  const std::unique_ptr<EVP_PKEY_CTX, Free> context(
      EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* made = nullptr;
  if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1)
    return nullptr;
  return Key(made);
}

using Context = std::unique_ptr<EVP_PKEY_CTX, Free>;

Context verifier(EVP_PKEY* key, HashKind kind) {
  Context context(EVP_PKEY_CTX_new(key, nullptr));
  const EVP_MD* const hash = kind == HashKind::kSha1 ? EVP_sha1() : EVP_sha256();
  if (!context || EVP_PKEY_verify_init(context.get()) != 1 ||
      EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) != 1 ||
      EVP_PKEY_CTX_set_signature_md(context.get(), hash) != 1)
    context.reset();
  return context;
}

// What one thread verified with lately, ready for the next signature: few domains sign most mail. A
// key that two places want is made anew. Some 8 KB a key, so half a megabyte a thread.
struct KnownKey {
  std::string der;
  HashKind kind = HashKind::kSha256;
  Context context;
};
constexpr size_t kKnownKeys = 64;

EVP_PKEY_CTX* known_verifier(std::string_view der, HashKind kind) {
  thread_local std::array<KnownKey, kKnownKeys> known;
  KnownKey& one = known[std::hash<std::string_view>()(der) % kKnownKeys];
  if (one.context && one.kind == kind && one.der == der) return one.context.get();
  const Key key = rsa_key(der);
  if (!key) return nullptr;
  Context context = verifier(key.get(), kind);
  if (!context) return nullptr;
  one = {std::string(der), kind, std::move(context)};
  return one.context.get();
}

}  // namespace

Verified verify_rsa(std::string_view key, HashKind kind, std::string_view digest,
                    std::string_view signature) {
  const ErrorsCleared cleared;
  EVP_PKEY_CTX* const context = known_verifier(key, kind);
  if (!context) return Verified::kBadKey;
  const int good = EVP_PKEY_verify(context, bytes_of(signature), signature.size(), bytes_of(digest),
                                   digest.size());
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
