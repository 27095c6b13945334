// Bytes that nobody can guess, for keys and nonces (libsodium, the kernel's generator).
#pragma once

#include <sodium/randombytes.h>

#include <cstddef>
#include <string>

namespace winnow {

inline std::string random_bytes(size_t size) {
  std::string out(size, '\0');
  randombytes_buf(out.data(), out.size());
  return out;
}

}  // namespace winnow
