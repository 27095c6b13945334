// Keys as Rspamd's tools make them: Ed25519 to sign maps, Curve25519 to encrypt connections
// (libsodium). Randomness is handed in.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace winnow {

struct KeyPair {
  std::string public_key;  // 32 bytes
  std::string secret_key;  // Ed25519: 64 bytes, seed and public key; Curve25519: 32 bytes
};

// RFC 8032 5.1.5. REQUIRED: 32 bytes of seed.
KeyPair make_signing_keys(std::string_view seed);
// RFC 7748 5. REQUIRED: 32 bytes of seed.
KeyPair make_exchange_keys(std::string_view seed);
// RFC 8032 5.1.6, 64 bytes. REQUIRED: 64 bytes of secret key.
std::string sign_ed25519(std::string_view secret_key, std::string_view message);
// By which Rspamd's tools know a key: BLAKE2b-512 of the public key, 64 bytes.
std::string key_id(std::string_view public_key);
// A key of 32 bytes as Rspamd writes it (base32.h); nothing where it is none.
std::optional<std::string> read_public_key(std::string_view text);

}  // namespace winnow
