// The block functions are deprecated in favour of EVP, which looks up a provider for every digest.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "engine/crypt/digest.h"

#include <openssl/evp.h>
#include <openssl/md5.h>
#include <openssl/sha.h>
#include <sodium.h>

#include <algorithm>
#include <utility>

#include "engine/crypt/base32.h"

namespace winnow {

namespace {
constexpr std::pair<std::string_view, DigestKind> kKinds[] = {
    {"md5", DigestKind::kMd5},       {"sha1", DigestKind::kSha1},
    {"sha256", DigestKind::kSha256}, {"sha384", DigestKind::kSha384},
    {"sha512", DigestKind::kSha512}, {"blake2", DigestKind::kBlake2b512}};
constexpr std::pair<std::string_view, DigestForm> kForms[] = {
    {"hex", DigestForm::kHex}, {"base32", DigestForm::kBase32}, {"base64", DigestForm::kBase64}};

template <class T, size_t n>
std::optional<T> named(const std::pair<std::string_view, T> (&table)[n], std::string_view name) {
  for (const auto& [known, value] : table)
    if (known == name) return value;
  return std::nullopt;
}

std::string hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    out += kDigits[static_cast<uint8_t>(c) >> 4];
    out += kDigits[static_cast<uint8_t>(c) & 15];
  }
  return out;
}

std::string base64(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');  // EVP writes a NUL behind it
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()));
  out.resize(static_cast<size_t>(size));
  return out;
}
}  // namespace

std::optional<DigestKind> digest_kind(std::string_view name) { return named(kKinds, name); }
std::optional<DigestForm> digest_form(std::string_view name) { return named(kForms, name); }

Digest::Digest(DigestKind kind, std::string_view bytes) {
  const auto* const from = reinterpret_cast<const unsigned char*>(bytes.data());
  switch (kind) {
    case DigestKind::kMd5:
      size_ = MD5_DIGEST_LENGTH;
      MD5(from, bytes.size(), bytes_.data());
      return;
    case DigestKind::kSha1:
      size_ = SHA_DIGEST_LENGTH;
      SHA1(from, bytes.size(), bytes_.data());
      return;
    case DigestKind::kSha256:
      size_ = SHA256_DIGEST_LENGTH;
      SHA256(from, bytes.size(), bytes_.data());
      return;
    case DigestKind::kSha384:
      size_ = SHA384_DIGEST_LENGTH;
      SHA384(from, bytes.size(), bytes_.data());
      return;
    case DigestKind::kSha512:
      size_ = SHA512_DIGEST_LENGTH;
      SHA512(from, bytes.size(), bytes_.data());
      return;
    case DigestKind::kBlake2b512:
      break;
  }
  size_ = 64;
  crypto_generichash(bytes_.data(), size_, from, bytes.size(), nullptr, 0);
}

std::string write_digest(std::string_view bytes, DigestForm form) {
  switch (form) {
    case DigestForm::kHex:
      return hex(bytes);
    case DigestForm::kBase32:
      return base32_encode(bytes);
    case DigestForm::kBase64:
      break;
  }
  return base64(bytes);
}

}  // namespace winnow
