#include "ingest/http/httpcrypt.h"

#include <fmt/format.h>

#include "engine/crypt/base32.h"
#include "ingest/random_bytes.h"

namespace winnow {

namespace {

constexpr size_t kIdBytes = 5;

std::string short_id(std::string_view public_key) {
  return base32_encode(key_id(public_key).substr(0, kIdBytes));
}

}  // namespace

Result<HttpKeys> read_http_keys(const UclObject& keypair) {
  const UclObject& said = keypair.last_value();
  const std::optional<std::string> secret =
      said.is_object() ? read_public_key(said.string("privkey", "")) : std::nullopt;
  if (!secret || said.string("type", "kex") != "kex" ||
      said.string("algorithm", "curve25519") != "curve25519" ||
      said.string("encoding", "base32") != "base32")
    return fail_at(keypair.place(),
                   "keypair is no Curve25519 key pair in base32; `winnow keypair` makes one");
  HttpKeys keys{make_exchange_keys(*secret), {}};
  if (const std::string_view given = said.string("pubkey", "");
      !given.empty() && read_public_key(given) != keys.pair.public_key)
    return fail_at(said.find("pubkey")->place(), "pubkey is not that of this privkey");
  keys.id = short_id(keys.pair.public_key);
  return keys;
}

std::optional<SharedKey> key_of_request(const HttpKeys& keys, std::string_view value) {
  const size_t equals = value.find('=');
  if (equals == std::string_view::npos || value.substr(0, equals) != keys.id) return std::nullopt;
  return shared_key(keys.pair.secret_key,
                    base32_decode(value.substr(equals + 1)).value_or(std::string()));
}

void seal_freshly(const SharedKey& key, std::string_view text, std::string& out) {
  seal(key, random_bytes(kNonceBytes), text, out);
}

std::optional<SealedRequest> seal_request(std::string_view their_key, std::string_view request) {
  const KeyPair own = make_exchange_keys(random_bytes(32));
  const std::optional<SharedKey> key = shared_key(own.secret_key, their_key);
  if (!key) return std::nullopt;
  SealedRequest out{
      fmt::format("{}={}", short_id(their_key), base32_encode(own.public_key)), {}, *key};
  seal_freshly(*key, request, out.body);
  return out;
}

}  // namespace winnow
