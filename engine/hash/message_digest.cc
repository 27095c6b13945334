#include "engine/hash/message_digest.h"

#include <cstring>
#include <string>

#include "engine/little_endian.h"

namespace winnow {

MessageDigest::MessageDigest() { hash_.add("winnow message digest 2"); }

void MessageDigest::add(std::string_view bytes) {
  std::string size;  // short enough to need no heap
  append_little(size, uint64_t{bytes.size()});
  hash_.add(size);
  hash_.add(bytes);
}

void MessageDigest::finish(std::span<uint8_t, 16> digest) {
  std::memcpy(digest.data(), hash_.finish().data(), digest.size());
}

}  // namespace winnow
