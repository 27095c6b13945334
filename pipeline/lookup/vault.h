// Signing keys in HashiCorp's Vault, as Rspamd keeps them (use_vault of dkim_signing and arc): at
// URL/v1/PATH/DOMAIN, in storage of version 2 at URL/v1/PATH/data/DOMAIN,
//
//   {"data": {"selectors": [{"selector": "...", "key": "...", "valid_start": S, "valid_end": S}]}}
//
// (version 2: {"data": {"data": ...}}). A key is in any form that PrivateKey reads; the times, Unix
// seconds, may be missing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/result.h"
#include "pipeline/maps/http_fetch.h"
#include "rules/config/ucl.h"

namespace winnow {

struct VaultOptions {
  std::string url, token, path = "dkim";
  int version = 1;
  int64_t timeout_ms = 5'000;
  bool any_certificate = false;
};
// Of a module's section. Errors: no address, no token, another version.
Result<VaultOptions> vault_options(const UclObject& section, std::string_view module);

struct VaultKey {
  std::string selector, key;
};
// What a reply holds that is valid at `now_s`, in its order. Errors: bytes that are none. Linear.
Result<std::vector<VaultKey>> read_vault_reply(std::string_view body, int version, int64_t now_s);

// One thread uses it.
class Vault {
 public:
  explicit Vault(VaultOptions options);
  // The keys of a domain (small letters); waits for them. Errors: what went wrong, without the
  // token.
  Result<std::vector<VaultKey>> keys(std::string_view domain, int64_t now_s);

 private:
  const VaultOptions options_;
  HttpFetcher fetcher_;
};

}  // namespace winnow
