// Options that dkim_signing and arc share.
#pragma once

#include <array>

#include "rules/checks/check.h"

namespace winnow {

constexpr std::array kSigningOptions{
    OptionDecl{"selector", OptionType::kString, "dkim; arc", "Selector of domains without one."},
    OptionDecl{"path", OptionType::kString, "$DBDIR/dkim/$domain.$selector.key",
               "Key files of domains without one."},
    OptionDecl{"domain", OptionType::kObject, "", "Selectors and key files by domain."},
    OptionDecl{"selector_map", OptionType::kMap, "", "Selectors by domain."},
    OptionDecl{"path_map", OptionType::kMap, "", "Key files by domain."},
    OptionDecl{"signing_table", OptionType::kMap, "", "Entries of key_table by From address."},
    OptionDecl{"key_table", OptionType::kMap, "", "domain:selector:key by entry."},
    OptionDecl{"use_domain", OptionType::kString, "header; arc: recipient",
               "Who signs: header, envelope, auth, recipient, or a domain."},
    OptionDecl{"use_domain_sign_networks", OptionType::kString, "", "The same for sign_networks."},
    OptionDecl{"use_domain_sign_local", OptionType::kString, "", "The same for own networks."},
    OptionDecl{"use_domain_sign_inbound", OptionType::kString, "", "The same for foreign mail."},
    OptionDecl{"use_esld", OptionType::kBool, "true", "Domains count as their registered part."},
    OptionDecl{"sign_authenticated", OptionType::kBool, "true; arc: false",
               "Signs mail of users who logged in."},
    OptionDecl{"sign_local", OptionType::kBool, "true; arc: false", "Signs mail of own networks."},
    OptionDecl{"sign_inbound", OptionType::kBool, "false; arc: true", "Signs foreign mail."},
    OptionDecl{"sign_networks", OptionType::kMap, "", "Networks whose mail is signed."},
    OptionDecl{"allow_envfrom_empty", OptionType::kBool, "true", "Signs bounces."},
    OptionDecl{"allow_hdrfrom_mismatch", OptionType::kBool, "false; arc: true",
               "From and the envelope may name different domains."},
    OptionDecl{"allow_hdrfrom_mismatch_local", OptionType::kBool, "false",
               "The same for own networks."},
    OptionDecl{"allow_hdrfrom_mismatch_sign_networks", OptionType::kBool, "false",
               "The same for sign_networks."},
    OptionDecl{"allow_hdrfrom_multiple", OptionType::kBool, "false",
               "From may have several addresses; the first counts."},
    OptionDecl{"allow_username_mismatch", OptionType::kBool, "false",
               "A user's domain may be another one."},
    OptionDecl{"try_fallback", OptionType::kBool, "true",
               "Domains that are not named have the selector and the path of all."},
    OptionDecl{"check_pubkey", OptionType::kBool, "false", "Looks for the published key first."},
    OptionDecl{"allow_pubkey_mismatch", OptionType::kBool, "true",
               "Signs although the published key is another one."},
    OptionDecl{"check_violation", OptionType::kBool, "false",
               "Does not sign what came with a broken signature."},
    OptionDecl{"skip_spam_sign", OptionType::kBool, "false", "Does not sign spam."},
    OptionDecl{
        "use_redis", OptionType::kBool, "false",
        "Keys are read from Redis, for each message (servers: redis of the module or of all)."},
    OptionDecl{"key_prefix", OptionType::kString, "DKIM_KEYS; arc: ARC_KEYS",
               "Hash in Redis with a key for each selector.domain."},
    OptionDecl{"selector_prefix", OptionType::kString, "",
               "Hash in Redis with a selector for each domain."},
    OptionDecl{"redis", OptionType::kObject, "", "Servers of Redis."},
    OptionDecl{"use_vault", OptionType::kBool, "false",
               "Keys are read from Vault, for each message."},
    OptionDecl{"vault_url", OptionType::kString, "", "Address of Vault: http:// or https://."},
    OptionDecl{"vault_token", OptionType::kString, "", "What Vault knows us by."},
    OptionDecl{"vault_path", OptionType::kString, "dkim", "Where keys are there, below /v1/."},
    OptionDecl{"vault_kv_version", OptionType::kInteger, "1", "Kind of that storage.", 1, 2},
    OptionDecl{"vault_domains", OptionType::kMap, "",
               "Domains whose keys are there; without it those of all."},
    OptionDecl{"http_timeout", OptionType::kTime, "5s", "How long Vault may take.", 0.01, 60},
    OptionDecl{"no_ssl_verify", OptionType::kBool, "false", "Vault may show any certificate."},
    OptionDecl{"use_http_headers", OptionType::kBool, "false",
               "Who signs, and the key, are taken from headers of the request."},
    OptionDecl{"allow_headers_fallback", OptionType::kBool, "false",
               "Goes on as without them where they are not all there."},
    OptionDecl{"http_sign_header", OptionType::kString, "PerformDkimSign",
               "The header that asks for a signature, whatever it says."},
    OptionDecl{"http_sign_on_reject_header_header", OptionType::kString, "SignOnAuthFailed",
               "The header with which even rejected mail is signed."},
    OptionDecl{"http_domain_header", OptionType::kString, "DkimDomain",
               "The header with who signs."},
    OptionDecl{"http_selector_header", OptionType::kString, "DkimSelector",
               "The header with the selector."},
    OptionDecl{"http_key_header", OptionType::kString, "DkimPrivateKey",
               "The header with the private key, in base64."},
    OptionDecl{"sign_headers", OptionType::kString, "", "Headers that are signed; (o), (x)."},
};

template <size_t N, size_t M>
constexpr std::array<OptionDecl, N + M> join_options(const std::array<OptionDecl, N>& one,
                                                     const std::array<OptionDecl, M>& two) {
  std::array<OptionDecl, N + M> out{};
  for (size_t i = 0; i < N; ++i) out[i] = one[i];
  for (size_t i = 0; i < M; ++i) out[N + i] = two[i];
  return out;
}

}  // namespace winnow
