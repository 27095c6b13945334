#include "engine/crypt/sealed.h"

#include <sodium.h>

#include <cassert>

#include "engine/crypt/bytes_of.h"
#include "engine/crypt/sodium_ready.h"

namespace winnow {

namespace {

constexpr size_t kFirstBlock = 64;  // of the key stream

void authenticate(const SharedKey& key, const uint8_t* nonce, std::string_view cipher,
                  uint8_t* tag) {
  std::array<uint8_t, kFirstBlock> block;
  crypto_stream_xchacha20(block.data(), block.size(), nonce, key.data());
  crypto_onetimeauth(tag, bytes_of(cipher), cipher.size(), block.data());
  sodium_memzero(block.data(), block.size());
}

// The key stream from its second block on over `from`.
void mix(const SharedKey& key, const uint8_t* nonce, std::string_view from, uint8_t* to) {
  crypto_stream_xchacha20_xor_ic(to, bytes_of(from), from.size(), nonce, 1, key.data());
}

}  // namespace

std::optional<SharedKey> shared_key(std::string_view secret_key,
                                    std::string_view their_public_key) {
  if (secret_key.size() != crypto_scalarmult_SCALARBYTES ||
      their_public_key.size() != crypto_scalarmult_BYTES)
    return std::nullopt;
  make_sodium_ready();
  std::array<uint8_t, crypto_scalarmult_BYTES> point;
  if (crypto_scalarmult(point.data(), bytes_of(secret_key), bytes_of(their_public_key)) != 0)
    return std::nullopt;
  constexpr std::array<uint8_t, crypto_core_hchacha20_INPUTBYTES> kNothing{};
  SharedKey key;
  crypto_core_hchacha20(key.data(), kNothing.data(), point.data(), nullptr);
  sodium_memzero(point.data(), point.size());
  return key;
}

void seal(const SharedKey& key, std::string_view nonce, std::string_view text, std::string& out) {
  assert(nonce.size() == kNonceBytes);
  out.append(nonce);
  const size_t at = out.size();
  out.resize(at + kTagBytes + text.size());
  uint8_t* const tag = bytes_of(out) + at;
  mix(key, bytes_of(nonce), text, tag + kTagBytes);
  authenticate(key, bytes_of(nonce), std::string_view(out).substr(at + kTagBytes), tag);
}

bool open_sealed(const SharedKey& key, std::string& sealed) {
  constexpr size_t kHead = kNonceBytes + kTagBytes;
  if (sealed.size() < kHead) return false;
  const std::string_view cipher = std::string_view(sealed).substr(kHead);
  std::array<uint8_t, kTagBytes> tag;
  authenticate(key, bytes_of(sealed), cipher, tag.data());
  if (sodium_memcmp(tag.data(), bytes_of(sealed) + kNonceBytes, kTagBytes) != 0) return false;
  mix(key, bytes_of(sealed), cipher, bytes_of(sealed) + kHead);
  sealed.erase(0, kHead);
  return true;
}

}  // namespace winnow
