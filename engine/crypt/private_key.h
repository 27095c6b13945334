// Keys that sign mail (RFC 6376 3.3, RFC 8463): RSA and Ed25519, as files and people hold them.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "engine/result.h"

namespace winnow {

constexpr int kSigningBitsMin = 1024;  // RFC 8301 3.2
constexpr int kSigningBitsMax = 8192;  // what verify_rsa() takes

// Immutable; copies share the key. Threads may sign with one at once.
class PrivateKey {
 public:
  // PEM or DER (PKCS #1, PKCS #8) or their base64; for Ed25519 also 32 bytes of seed or 64 bytes of
  // seed and public key, raw or in base64 (as Rspamd's tools write them). Errors: a sentence
  // without its subject.
  static Result<PrivateKey> read(std::string_view bytes);
  // New keys, from the generator of the library. `bits` within the bounds above.
  static Result<PrivateKey> make_rsa(int bits);
  static Result<PrivateKey> make_ed25519();

  bool is_ed25519() const;
  int bits() const;
  // Over a SHA-256 digest of 32 bytes: RSASSA-PKCS1-v1_5, or PureEdDSA of the digest. The same
  // digest gives the same bytes. Empty where the library fails.
  std::string sign(std::string_view digest) const;
  // What is published: DER SubjectPublicKeyInfo, or 32 raw bytes of Ed25519.
  std::string public_key() const;
  std::string pem() const;           // PKCS #8
  std::string ed25519_seed() const;  // 32 bytes. REQUIRED: is_ed25519()

 private:
  struct State;
  explicit PrivateKey(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

}  // namespace winnow
