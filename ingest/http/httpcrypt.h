// HTTPCrypt, Rspamd's own encryption of requests and answers (facts/network.md 2.7):
//
//   POST /post HTTP/1.1                      of this head only its framing counts, and what a proxy
//                                            in front says of its client (X-Forwarded-For)
//   Key: ID=PUBLIC                           whose key pair it is for, and the client's own key,
//                                            made for this request; both in Rspamd's base32
//   body = sealed(a whole HTTP request)      answered by 200 with sealed(a whole HTTP answer)
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/crypt/keys.h"
#include "engine/crypt/sealed.h"
#include "engine/result.h"
#include "rules/config/ucl.h"

namespace winnow {

// A worker's key pair, by which requests are opened.
struct HttpKeys {
  KeyPair pair;
  std::string id;  // as `Key` names it: base32 of the first 5 bytes of key_id()
};
// Reads `keypair { privkey = …; pubkey = …; }`. Errors, with their place: no Curve25519 pair in
// base32; a public key that is not the private one's.
Result<HttpKeys> read_http_keys(const UclObject& keypair);

// The key that both sides of a request share, from the value of its `Key`. Nothing where it is for
// another pair or is no key.
std::optional<SharedKey> key_of_request(const HttpKeys& keys, std::string_view value);

// What a client sends instead of `request`.
struct SealedRequest {
  std::string key_value;  // of the header `Key`
  std::string body;
  SharedKey key;  // opens the answer
};
// REQUIRED: read_public_key() gave the key. Nothing where it is of low order.
std::optional<SealedRequest> seal_request(std::string_view their_key, std::string_view request);
// Appends `text` sealed with a nonce of its own.
void seal_freshly(const SharedKey& key, std::string_view text, std::string& out);

}  // namespace winnow
