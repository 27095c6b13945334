#include "engine/crypt/private_key.h"

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "engine/crypt/base64_text.h"
#include "engine/crypt/openssl_owned.h"

namespace winnow {

namespace {

using openssl::bytes_of;
using openssl::ErrorsCleared;
using openssl::Free;
using openssl::Key;

// A file with a passphrase has none here: nobody can be asked.
int no_passphrase(char*, int, int, void*) { return 0; }

Key read_pem(std::string_view text) {
  const std::unique_ptr<BIO, Free> bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  return Key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr) : nullptr);
}

Key read_raw(std::string_view bytes) {
  if (bytes.size() == 32 || bytes.size() == 64)
    return Key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes_of(bytes), 32));
  const unsigned char* at = bytes_of(bytes);
  return Key(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(bytes.size())));
}

}  // namespace

struct PrivateKey::State {
  Key key;
};

Result<PrivateKey> PrivateKey::read(std::string_view bytes) {
  const ErrorsCleared cleared;
  constexpr size_t kKeyFileMax = 64 * 1024;
  if (bytes.size() > kKeyFileMax) return fail("is too large for a key");
  Key key = bytes.find("-----BEGIN") != std::string_view::npos ? read_pem(bytes) : read_raw(bytes);
  if (!key)
    if (const std::string decoded = decode_base64_text(bytes); !decoded.empty())
      key = read_raw(decoded);
  if (!key) return fail("holds no private key that can be read");
  auto state = std::make_shared<State>();
  state->key = std::move(key);
  PrivateKey out(std::move(state));
  const int kind = EVP_PKEY_base_id(out.state_->key.get());
  if (kind != EVP_PKEY_RSA && kind != EVP_PKEY_ED25519)
    return fail("holds a key that is neither RSA nor Ed25519");
  if (kind == EVP_PKEY_RSA && out.bits() < kSigningBitsMin)
    return fail("holds an RSA key of less than 1024 bits, which no receiver may believe");
  if (kind == EVP_PKEY_RSA && out.bits() > kSigningBitsMax)
    return fail("holds an RSA key of more than 8192 bits");
  return out;
}

namespace {

Key generate(int kind, int bits) {
  const std::unique_ptr<EVP_PKEY_CTX, Free> context(EVP_PKEY_CTX_new_id(kind, nullptr));
  EVP_PKEY* key = nullptr;
  if (!context || EVP_PKEY_keygen_init(context.get()) != 1) return nullptr;
  if (kind == EVP_PKEY_RSA && EVP_PKEY_CTX_set_rsa_keygen_bits(context.get(), bits) != 1)
    return nullptr;
  return Key(EVP_PKEY_keygen(context.get(), &key) == 1 ? key : nullptr);
}

}  // namespace

Result<PrivateKey> PrivateKey::make_rsa(int bits) {
  const ErrorsCleared cleared;
  auto state = std::make_shared<State>();
  state->key = generate(EVP_PKEY_RSA, bits);
  if (!state->key) return fail("no RSA key could be made");
  return PrivateKey(std::move(state));
}

Result<PrivateKey> PrivateKey::make_ed25519() {
  const ErrorsCleared cleared;
  auto state = std::make_shared<State>();
  state->key = generate(EVP_PKEY_ED25519, 0);
  if (!state->key) return fail("no Ed25519 key could be made");
  return PrivateKey(std::move(state));
}

bool PrivateKey::is_ed25519() const {
  return EVP_PKEY_base_id(state_->key.get()) == EVP_PKEY_ED25519;
}

int PrivateKey::bits() const { return EVP_PKEY_bits(state_->key.get()); }

std::string PrivateKey::sign(std::string_view digest) const {
  const ErrorsCleared cleared;
  EVP_PKEY* const key = state_->key.get();
  size_t size = static_cast<size_t>(EVP_PKEY_size(key));
  std::string out(size, '\0');
  if (is_ed25519()) {
    const std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
    if (!context || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key) != 1 ||
        EVP_DigestSign(context.get(), bytes_of(out), &size, bytes_of(digest), digest.size()) != 1)
      return {};
  } else {
    const std::unique_ptr<EVP_PKEY_CTX, Free> context(EVP_PKEY_CTX_new(key, nullptr));
    if (!context || EVP_PKEY_sign_init(context.get()) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) != 1 ||
        EVP_PKEY_CTX_set_signature_md(context.get(), EVP_sha256()) != 1 ||
        EVP_PKEY_sign(context.get(), bytes_of(out), &size, bytes_of(digest), digest.size()) != 1)
      return {};
  }
  out.resize(size);
  return out;
}

std::string PrivateKey::public_key() const {
  const ErrorsCleared cleared;
  EVP_PKEY* const key = state_->key.get();
  std::string out;
  if (is_ed25519()) {
    size_t size = 32;
    out.resize(size);
    if (EVP_PKEY_get_raw_public_key(key, bytes_of(out), &size) != 1) out.clear();
    return out;
  }
  const int size = i2d_PUBKEY(key, nullptr);
  if (size <= 0) return out;
  out.resize(static_cast<size_t>(size));
  unsigned char* at = bytes_of(out);
  i2d_PUBKEY(key, &at);
  return out;
}

std::string PrivateKey::pem() const {
  const ErrorsCleared cleared;
  const std::unique_ptr<BIO, Free> bio(BIO_new(BIO_s_mem()));
  char* text = nullptr;
  if (!bio || PEM_write_bio_PKCS8PrivateKey(bio.get(), state_->key.get(), nullptr, nullptr, 0,
                                            nullptr, nullptr) != 1)
    return {};
  const long size = BIO_get_mem_data(bio.get(), &text);
  return size > 0 ? std::string(text, static_cast<size_t>(size)) : std::string();
}

std::string PrivateKey::ed25519_seed() const {
  size_t size = 32;
  std::string out(size, '\0');
  if (EVP_PKEY_get_raw_private_key(state_->key.get(), bytes_of(out), &size) != 1) out.clear();
  return out;
}

}  // namespace winnow
