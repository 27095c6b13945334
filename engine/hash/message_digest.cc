#include "engine/hash/message_digest.h"

#include <cstring>

namespace winnow {

MessageDigest::MessageDigest() { hash_.add("winnow message digest 2"); }

void MessageDigest::add(std::string_view bytes) {
  char size[8];
  for (size_t i = 0; i < 8; ++i) size[i] = static_cast<char>(uint64_t{bytes.size()} >> 8 * i);
  hash_.add({size, sizeof size});
  hash_.add(bytes);
}

void MessageDigest::finish(std::span<uint8_t, 16> digest) {
  std::memcpy(digest.data(), hash_.finish().data(), digest.size());
}

}  // namespace winnow
