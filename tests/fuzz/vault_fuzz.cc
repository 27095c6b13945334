// What Vault replies with: each key has a selector and itself, as strings of the reply.
#include <cstdlib>
#include <string_view>

#include "pipeline/lookup/vault.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace winnow;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const int version : {1, 2}) {
    const Result<std::vector<VaultKey>> keys = read_vault_reply(text, version, 1'000'000'000);
    if (!keys) continue;
    size_t bytes = 0;
    for (const VaultKey& one : *keys) bytes += one.selector.size() + one.key.size();
    // An escape of six bytes is at most three of UTF-8.
    if (bytes > size) std::abort();
  }
  return 0;
}
