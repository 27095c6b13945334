// Texts sealed as Rspamd's HTTPCrypt seals them (facts/network.md 2.7), with libsodium's X25519,
// HChaCha20, XChaCha20 and Poly1305. Randomness is handed in.
//
//   sealed = nonce[24] tag[16] ciphertext
//
// Not the layout of libsodium's secretbox: the first 64 bytes of the key stream are the
// authenticator's alone, and the tag is over the ciphertext.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace winnow {

using SharedKey = std::array<uint8_t, 32>;
constexpr size_t kNonceBytes = 24, kTagBytes = 16;

// What two Curve25519 pairs have in common. Nothing where a key is not 32 bytes or theirs is of
// low order (RFC 7748 6.1).
std::optional<SharedKey> shared_key(std::string_view secret_key, std::string_view their_public_key);
// Appends `text`, sealed. REQUIRED: 24 bytes of nonce, never twice with one key.
void seal(const SharedKey& key, std::string_view nonce, std::string_view text, std::string& out);
// Puts the text in the place of what was sealed. False where it was not sealed with this key, or
// changed: then nothing is.
bool open_sealed(const SharedKey& key, std::string& sealed);

}  // namespace winnow
