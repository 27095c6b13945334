#include "engine/hash/message_digest.h"

#include <sodium/core.h>
#include <sodium/crypto_generichash_blake2b.h>

#include <cstring>

namespace winnow {

namespace {
constexpr std::string_view kKey = "winnow message digest 1";

void begin(crypto_generichash_blake2b_state& state) {
  crypto_generichash_blake2b_init(&state, reinterpret_cast<const unsigned char*>(kKey.data()),
                                  kKey.size(), 16);
}
void update(crypto_generichash_blake2b_state& state, const void* bytes, size_t size) {
  crypto_generichash_blake2b_update(&state, static_cast<const unsigned char*>(bytes), size);
}
}  // namespace

MessageDigest::MessageDigest() {
  // Without it libsodium hashes by its portable code, at half the speed. It cannot fail us: the
  // random numbers it may miss are not asked for.
  [[maybe_unused]] static const int ready = sodium_init();
  crypto_generichash_blake2b_state state;
  begin(state);
  const uint8_t zero[4] = {};
  update(state, zero, sizeof zero);
  crypto_generichash_blake2b_final(&state, state_, sizeof state_);
}

void MessageDigest::add(std::string_view bytes) {
  crypto_generichash_blake2b_state state;
  begin(state);
  update(state, state_, sizeof state_);
  uint8_t size[8];
  for (size_t i = 0; i < 8; ++i) size[i] = static_cast<uint8_t>(uint64_t{bytes.size()} >> 8 * i);
  update(state, size, sizeof size);
  update(state, bytes.data(), bytes.size());
  crypto_generichash_blake2b_final(&state, state_, sizeof state_);
}

void MessageDigest::finish(std::span<uint8_t, 16> digest) const {
  std::memcpy(digest.data(), state_, sizeof state_);
}

}  // namespace winnow
