// What Vault replies with: each key has a selector and itself, as strings of the reply. And the
// section that says where Vault is: an address and a token, or an error; a name that could lead
// elsewhere in it is not asked.
#include <string_view>

#include "pipeline/lookup/vault.h"
#include "tests/fuzz/require.h"
#include "tests/fuzz/small_ucl.h"

namespace {

using namespace winnow;

void configure(std::string_view text) {
  const auto document = small_ucl(text);
  if (!document) return;
  const Result<VaultOptions> options = vault_options(document->root(), "arc");
  if (!options) return;
  require(options->url.starts_with("http") && !options->token.empty());
  require(options->timeout_ms >= 10 && options->timeout_ms <= 60'000);
  require(!Vault(*options).keys("../secret", 0));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  configure(text);
  for (const int version : {1, 2}) {
    const Result<std::vector<VaultKey>> keys = read_vault_reply(text, version, 1'000'000'000);
    if (!keys) continue;
    size_t bytes = 0;
    for (const VaultKey& one : *keys) bytes += one.selector.size() + one.key.size();
    // An escape of six bytes is at most three of UTF-8.
    require(bytes <= size);
  }
  return 0;
}
