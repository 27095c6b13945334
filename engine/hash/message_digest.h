// The digest that names a message in logs, history and learning: the same content, wherever it
// was sent and however it was routed, has the same digest.
//
// Rspamd chains a keyed blake2b of each part with t1ha2; no t1ha2 is packaged, and its key is its
// own, so values were never comparable between installations of different kinds. Ours:
//
//   state = blake2b-128(key, u32le 0)                     key = "winnow message digest 1"
//   for each part: state = blake2b-128(key, state || u64le size || decoded bytes)
//   for the subject: the same
//
// Each step is one keyed blake2b (RFC 7693) of 16 bytes through libsodium. The size stands
// before the bytes, so that no two lists of parts have the same input.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace winnow {

class MessageDigest {
 public:
  MessageDigest();
  void add(std::string_view bytes);
  // Copies the 16 bytes of the state.
  void finish(std::span<uint8_t, 16> digest) const;

 private:
  uint8_t state_[16];
};

}  // namespace winnow
