// The block functions are deprecated in favour of EVP, which allocates for every hash.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "engine/crypt/hash.h"

#include <openssl/sha.h>

namespace winnow {

namespace {
template <class T>
T* as(std::array<uint8_t, 128>& state) {
  static_assert(sizeof(T) <= 128 && alignof(T) <= 8);
  return reinterpret_cast<T*>(state.data());
}
}  // namespace

Hash::Hash(HashKind kind) : kind_(kind) {
  if (kind_ == HashKind::kSha1)
    SHA1_Init(as<SHA_CTX>(state_));
  else
    SHA256_Init(as<SHA256_CTX>(state_));
}

void Hash::add(std::string_view bytes) {
  if (kind_ == HashKind::kSha1)
    SHA1_Update(as<SHA_CTX>(state_), bytes.data(), bytes.size());
  else
    SHA256_Update(as<SHA256_CTX>(state_), bytes.data(), bytes.size());
}

std::string_view Hash::finish() {
  auto* const to = reinterpret_cast<unsigned char*>(digest_.data());
  if (kind_ == HashKind::kSha1)
    SHA1_Final(to, as<SHA_CTX>(state_));
  else
    SHA256_Final(to, as<SHA256_CTX>(state_));
  return {digest_.data(), hash_bytes(kind_)};
}

}  // namespace winnow
