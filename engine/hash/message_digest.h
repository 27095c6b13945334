// The digest that names a message in logs, history and learning: the same content, wherever it
// was sent and however it was routed, has the same digest.
//
// Rspamd chains a keyed blake2b of each part with t1ha2; no t1ha2 is packaged, and its key is its
// own, so values were never comparable between installations of different kinds. Ours:
//
//   SHA-256("winnow message digest 2", then for each part and the subject: u64le size, bytes)
//
// of which the first 16 bytes count. The size stands before the bytes, so that no two lists of
// parts have the same input. No heap.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "engine/crypt/hash.h"

namespace winnow {

class MessageDigest {
 public:
  MessageDigest();
  void add(std::string_view bytes);
  // Ends it, and copies its 16 bytes.
  void finish(std::span<uint8_t, 16> digest);

 private:
  Hash hash_{HashKind::kSha256};
};

}  // namespace winnow
