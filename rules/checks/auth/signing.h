// What the modules that sign have in common (dkim_signing, and arc where it seals): content()
// leaves what is signed, judge() and edit() decide alike whether it is.
#pragma once

#include <optional>
#include <string>

#include "engine/evidence.h"
#include "rules/checks/auth/signed_mail.h"

namespace winnow {

// Headers that are signed unless sign_headers says otherwise. (o): oversigned; (x): the same where
// they are there.
constexpr std::string_view kDkimHeaders =
    "(o)from:(x)sender:(o)reply-to:(o)subject:(x)date:(x)message-id:(o)to:(o)cc:(x)mime-version:"
    "(x)content-type:(x)content-transfer-encoding:resent-to:resent-cc:resent-from:resent-sender:"
    "resent-message-id:(x)in-reply-to:(x)references:list-id:list-help:list-owner:list-unsubscribe:"
    "list-unsubscribe-post:list-subscribe:list-post:(x)openpgp:(x)autocrypt";
constexpr std::string_view kArcHeaders =
    "(o)from:(x)sender:(o)reply-to:(o)subject:(x)date:(x)message-id:(o)to:(o)cc:(x)mime-version:"
    "(x)content-type:(x)content-transfer-encoding:resent-to:resent-cc:resent-from:resent-sender:"
    "resent-message-id:(x)in-reply-to:(x)references:list-id:list-help:list-owner:list-unsubscribe:"
    "list-unsubscribe-post:list-subscribe:list-post:dkim-signature:(x)openpgp:(x)autocrypt";

// Signs nothing of mail that goes back to its sender, and what the options keep from being signed.
// `violated`: a signature that the message brought is broken. A request may ask for a signature in
// any case.
bool is_signed(const SigningPolicy& policy, const SignedMail& mail, ActionId action, bool violated);

// Questions of kind kStore for what is not in files; who answers keeps the keys (signing_keys.h).
// Key: "MODULE\nHASH\nFIELD". A selector is answered by its text; a key by its name there, its
// public key (PrivateKey::public_key) and "rsa" or "ed25519".
constexpr uint16_t kStoredSelector = 2, kStoredKey = 3;
// Where HASH is this and a number, FIELD is a domain, and that is the number of its keys in Vault,
// answered with its selector besides.
constexpr std::string_view kVaultKeys = "vault:";
constexpr uint32_t kVaultKeysMax = 4;

struct SigningKey {
  Signer signer;  // with its selector
  bool waiting = false, found = false;
  std::optional<PrivateKey> key = {};  // where it is at hand: in files, and when edits are made
  std::string public_key = {};
  bool is_ed25519 = false;
};
// The key of a signer: asks for it, or for its selector, where it is stored.
SigningKey find_signing_key(const SigningPolicy& policy, const Signer& signer,
                            Judgement& judgement);
// The same when the answers are there: with the key itself.
SigningKey find_signing_key(const SigningPolicy& policy, const Signer& signer,
                            const EditInput& input);

// Whether the published key is this one, as far as the options ask. `answer`: to TXT of the key's
// name, null where it was not asked or is open.
bool is_published(const SigningPolicy& policy, const SigningKey& key, const Answer* answer);

// The digest of a row's body in the form that we sign: 32 bytes in the arena.
std::string_view relaxed_body_digest(Batch& batch, uint32_t row);

// What content() left in the option of `fact`; false where it left nothing.
bool find_signed_mail(const Evidence& evidence, SymbolId fact, SignedMail& out);

// Asks for the published keys of those who sign, where the options want to see them.
void ask_for_keys(const SigningPolicy& policy, SymbolId fact, const Batch& batch, Asker& asker);

// The answer to TXT of the signer's key; null where nobody asked.
const Answer* known_answer(const Evidence& evidence, const Signer& signer);

// SELECTOR._domainkey.DOMAIN; empty where DNS cannot hold it.
DnsName key_name(const Signer& signer);

}  // namespace winnow
