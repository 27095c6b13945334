#include "engine/crypt/keys.h"

#include <sodium/crypto_generichash_blake2b.h>
#include <sodium/crypto_scalarmult_curve25519.h>
#include <sodium/crypto_sign_ed25519.h>

#include "engine/crypt/base32.h"
#include "engine/crypt/bytes_of.h"
#include "engine/crypt/sodium_ready.h"

namespace winnow {

KeyPair make_signing_keys(std::string_view seed) {
  make_sodium_ready();
  KeyPair out{std::string(crypto_sign_ed25519_PUBLICKEYBYTES, '\0'),
              std::string(crypto_sign_ed25519_SECRETKEYBYTES, '\0')};
  crypto_sign_ed25519_seed_keypair(bytes_of(out.public_key), bytes_of(out.secret_key),
                                   bytes_of(seed));
  return out;
}

KeyPair make_exchange_keys(std::string_view seed) {
  make_sodium_ready();
  KeyPair out{std::string(crypto_scalarmult_curve25519_BYTES, '\0'), std::string(seed)};
  // The bits that RFC 7748 fixes are fixed in the key itself, as Rspamd does.
  out.secret_key[0] = static_cast<char>(out.secret_key[0] & 248);
  out.secret_key[31] = static_cast<char>((out.secret_key[31] & 127) | 64);
  crypto_scalarmult_curve25519_base(bytes_of(out.public_key), bytes_of(out.secret_key));
  return out;
}

std::string sign_ed25519(std::string_view secret_key, std::string_view message) {
  make_sodium_ready();
  std::string out(crypto_sign_ed25519_BYTES, '\0');
  crypto_sign_ed25519_detached(bytes_of(out), nullptr, bytes_of(message), message.size(),
                               bytes_of(secret_key));
  return out;
}

std::string key_id(std::string_view public_key) {
  make_sodium_ready();
  std::string out(64, '\0');
  crypto_generichash_blake2b(bytes_of(out), out.size(), bytes_of(public_key), public_key.size(),
                             nullptr, 0);
  return out;
}

std::optional<std::string> read_public_key(std::string_view text) {
  std::optional<std::string> raw = base32_decode(text);
  return raw && raw->size() == 32 ? raw : std::nullopt;
}

}  // namespace winnow
