// Who signs what (modules dkim_signing and arc): from options to the domains, selectors and keys
// that sign one message (facts: "DKIM sign").
//
//   request     where use_http_headers says so: its headers name domain, selector and key
//   origin      who sent it: a user that logged in, sign_networks, an own network, the outside
//   domain      use_domain of that origin: of From, envelope, user, first recipient, or a literal
//   key         domain {}, else selector_map and path_map, else the template `path` (try_fallback)
//
// Keys in files are read when rules are compiled: every file that the templates can name is looked
// for then, so that signing opens no file, and a new key is there after a reload. Keys in Redis
// (use_redis) and in Vault (use_vault) are asked for when the verdict stands (signing.h).
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/crypt/private_key.h"
#include "engine/match/regex.h"
#include "rules/checks/auth/dns_name.h"
#include "rules/checks/check.h"

namespace winnow {

// A header that signatures cover. Times it is listed: as often as it is there, and once more where
// one that is added later would be believed (oversigned).
enum class Oversign : uint8_t { kNever, kAlways, kIfThere };
struct SignedName {
  std::string name;  // lower case
  HeaderId id;
  Oversign oversign;
};

// What one signature is made with. Views live in the batch's arena or the policy. `key` names it:
// the path of a file, a row of key_table, or where it is stored (StoredKeyName below; the selector
// may then be empty: it is stored, too).
struct Signer {
  std::string_view domain, selector, key;
};

// Keys in Redis: of which module's servers, in which hashes. As text, for the evidence:
// "stored MODULE KEYS SELECTORS".
struct StoredKeyName {
  std::string_view module, keys, selectors;  // `selectors` may be empty
};
std::string write_stored_key_name(const StoredKeyName& name);
// None where a key is not stored so.
std::optional<StoredKeyName> read_stored_key_name(std::string_view key);

struct SigningDefaults {
  std::string_view module, selector, key_prefix, headers;
  bool sign_inbound, sign_local, sign_authenticated, allow_hdrfrom_mismatch;
  std::string_view use_domain;
};

class SigningPolicy {
 public:
  static constexpr size_t kSignersMax = 16;  // of one message

  // Null where nothing can be signed: no key, or the configuration asks for what is not there (the
  // operator was told).
  static std::unique_ptr<const SigningPolicy> compile(CompileContext& context,
                                                      const SigningDefaults& defaults);

  // Who signs the message of `row`; at most kSignersMax.
  void signers(Batch& batch, uint32_t row, std::optional<RegexScratch>& scratch,
               std::vector<Signer>& out) const;

  // Null where the key is not there (any more).
  const PrivateKey* key(std::string_view path) const;
  const std::vector<SignedName>& names() const { return names_; }

  bool check_pubkey = false;
  bool allow_pubkey_mismatch = true;
  bool check_violation = false;
  bool skip_spam_sign = false;
  // kNoId where the configuration has no such action.
  ActionId reject, soft_reject, no_action, greylist;

 private:
  enum class Origin : uint8_t { kNobody, kUser, kNetwork, kLocal, kInbound };
  struct KeyName {
    std::string selector, path;
  };
  struct Pattern {
    Regex regex;
    std::string value;
  };

  Origin origin(const Envelope& envelope) const;
  std::string_view domain(const Batch& batch, uint32_t row, Origin origin, std::string_view from,
                          std::string_view envelope_from) const;
  bool may_sign(const Envelope& envelope, Origin origin, std::string_view domain,
                std::string_view from, std::string_view envelope_from, Arena& arena) const;
  std::string_view reduced(std::string_view domain, Arena& arena) const;
  void by_domain(std::string_view domain, Arena& arena, std::vector<Signer>& out) const;
  void by_table(std::string_view address, std::string_view domain, Arena& arena,
                RegexScratch& scratch, std::vector<Signer>& out) const;
  bool is_in_vault(std::string_view domain) const;
  // False: the request does not say it all.
  bool by_request(Batch& batch, uint32_t row, std::vector<Signer>& out) const;
  void push(std::string_view domain, std::string_view selector, std::string_view path, Arena& arena,
            std::vector<Signer>& out) const;

  friend class SigningCompiler;

  bool sign_authenticated_ = true, sign_local_ = true, sign_inbound_ = false;
  bool use_esld_ = true, try_fallback_ = true;
  bool envfrom_empty_ = true, hdrfrom_mismatch_ = false, hdrfrom_mismatch_local_ = false;
  bool hdrfrom_mismatch_networks_ = false, hdrfrom_multiple_ = false, username_mismatch_ = false;
  std::string use_domain_, use_domain_networks_, use_domain_local_, use_domain_inbound_;
  std::string selector_, path_;
  std::string stored_;  // how keys that are stored are named; empty: they are files
  bool stored_selectors_ = false;
  std::vector<std::string> vault_;  // how the keys of a domain there are named; empty: none is
  bool all_in_vault_ = false;
  std::vector<Regex> vault_domains_;
  std::shared_ptr<const Map> networks_, selector_map_, path_map_;  // may be null
  std::map<std::string, std::vector<KeyName>, std::less<>> domains_;
  std::vector<Pattern> signing_table_, key_table_;
  bool has_table_ = false;
  // Headers of requests, in lower case; none is read where `use_request_` is false.
  struct RequestNames {
    std::string sign, in_any_case, domain, selector, key;
  };
  RequestNames request_;
  bool use_request_ = false, request_fallback_ = false;
  std::vector<SignedName> names_;
  std::map<std::string, PrivateKey, std::less<>> keys_;
};

// `text` with $domain and $selector replaced; in the arena.
std::string_view expand_key_path(std::string_view text, std::string_view domain,
                                 std::string_view selector, Arena& arena);

// Reads "(o)from:(x)sender:to". Names that are no header names are told.
std::vector<SignedName> read_signed_names(std::string_view text, CompileContext& context);

}  // namespace winnow
