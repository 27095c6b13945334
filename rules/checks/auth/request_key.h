// Keys that a request brings (use_http_headers): its headers name who signs, with which selector,
// and hold the private key. Evidence names the header and the key's public half, never the key; who
// makes signatures looks for it among the headers of the request, which stay with the message.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/batch.h"
#include "rules/checks/auth/signing_keys.h"

namespace winnow {

struct RequestKeyName {
  std::string_view header;
  bool is_ed25519 = false;
  bool in_any_case = false;     // what would keep mail from being signed does not
  std::string_view public_key;  // base64
};
std::string write_request_key_name(const RequestKeyName& name);
// None where a key did not come so.
std::optional<RequestKeyName> read_request_key_name(std::string_view key);

// Keys of one request, and behind them those of all messages.
class RequestKeys final : public SigningKeys {
 public:
  // `others` may be null.
  RequestKeys(std::span<const std::pair<std::string, std::string>> headers,
              const SigningKeys* others)
      : headers_(headers), others_(others) {}
  std::optional<PrivateKey> find(std::string_view name) const override;

 private:
  std::span<const std::pair<std::string, std::string>> headers_;  // names in lower case
  const SigningKeys* others_;
};

}  // namespace winnow
