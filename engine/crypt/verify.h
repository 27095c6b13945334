// Signatures over digests. The caller decides what a key that cannot be used means.
#pragma once

#include <string_view>

#include "engine/crypt/hash.h"

namespace winnow {

enum class Verified : uint8_t {
  kGood,
  kBad,     // the key is one, the signature is not its
  kBadKey,  // no key of that kind, or one out of these bounds
};

constexpr int kRsaBitsMin = 1024;  // RFC 8301 3.2: verifiers must not believe shorter ones
constexpr int kRsaBitsMax = 8192;  // what is longer only costs

// RSASSA-PKCS1-v1_5 (RFC 8017 8.2). `key`: DER SubjectPublicKeyInfo, or RSAPublicKey as some
// publish it. `digest`: hash_bytes(kind) bytes. Bounded by the key size; OpenSSL allocates.
Verified verify_rsa(std::string_view key, HashKind kind, std::string_view digest,
                    std::string_view signature);

// PureEdDSA (RFC 8032) over `message`. `key`: 32 raw bytes.
Verified verify_ed25519(std::string_view key, std::string_view message, std::string_view signature);

}  // namespace winnow
