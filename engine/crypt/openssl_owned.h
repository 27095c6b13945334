// What OpenSSL gives out, owned; for the files of this folder that call it.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <memory>

#include "engine/crypt/bytes_of.h"

namespace winnow::openssl {

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(BIO* bio) const { BIO_free_all(bio); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;

// OpenSSL leaves what went wrong in a queue of the thread, which would grow with hostile keys.
struct ErrorsCleared {
  ~ErrorsCleared() { ERR_clear_error(); }
};

using winnow::bytes_of;

}  // namespace winnow::openssl
