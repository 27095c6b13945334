#include "rules/checks/auth/signing_policy.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/crypt/base64_text.h"
#include "engine/url/suffix.h"
#include "rules/checks/auth/request_key.h"
#include "rules/checks/auth/signing.h"
#include "rules/checks/auth/tag_list.h"
#include "rules/checks/option_map.h"
#include "rules/checks/row.h"
#include "rules/checks/text.h"
#include "rules/config/ucl.h"
#include "rules/maps/map.h"

namespace winnow {

namespace {

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

// "domain:selector:key" or "domain:key"; the key may hold colons, the others may not.
struct KeyEntry {
  std::string_view domain, selector, key;
};
std::optional<KeyEntry> read_key_entry(std::string_view text, std::string_view selector) {
  const size_t first = text.find(':');
  if (first == std::string_view::npos || first == 0) return std::nullopt;
  const std::string_view rest = text.substr(first + 1);
  const size_t second = rest.find(':');
  KeyEntry out{text.substr(0, first), selector, rest};
  if (second != std::string_view::npos) {
    out.selector = rest.substr(0, second);
    out.key = rest.substr(second + 1);
  }
  if (out.selector.empty() || out.key.empty()) return std::nullopt;
  return out;
}

// A key that stands in the table itself: evidence names its place, never the key.
std::string inline_key_name(size_t row) { return fmt::format("key_table.{}", row); }

constexpr std::string_view kStored = "stored ";

bool is_path(std::string_view key) { return key.starts_with('/') || key.starts_with("./"); }

const Address* only_from(const Batch& batch, uint32_t row, bool several) {
  const Address* found = nullptr;
  size_t count = 0;
  for (const Address& one : batch.addresses.row(row)) {
    if (one.field != AddressField::kFrom || one.address.empty()) continue;
    if (count++ == 0) found = &one;
  }
  return count > 1 && !several ? nullptr : found;
}

}  // namespace

std::string write_stored_key_name(const StoredKeyName& name) {
  return fmt::format("{}{} {} {}", kStored, name.module, name.keys, name.selectors);
}

std::optional<StoredKeyName> read_stored_key_name(std::string_view key) {
  if (!key.starts_with(kStored)) return std::nullopt;
  key.remove_prefix(kStored.size());
  const size_t first = key.find(' '), last = key.rfind(' ');
  if (first == std::string_view::npos || first == last) return std::nullopt;
  return StoredKeyName{key.substr(0, first), key.substr(first + 1, last - first - 1),
                       key.substr(last + 1)};
}

std::string_view expand_key_path(std::string_view text, std::string_view domain,
                                 std::string_view selector, Arena& arena) {
  std::string out(text);
  replace_all(out, "$domain", domain);
  replace_all(out, "$selector", selector);
  return arena.copy(out);
}

std::vector<SignedName> read_signed_names(std::string_view text, CompileContext& context) {
  std::vector<SignedName> out;
  while (!text.empty()) {
    const size_t colon = std::min(text.find(':'), text.size());
    std::string_view one = trimmed(text.substr(0, colon));
    text.remove_prefix(std::min(colon + 1, text.size()));
    Oversign oversign = Oversign::kNever;
    if (one.starts_with("(o)") || one.starts_with("(x)")) {
      oversign = one[1] == 'o' ? Oversign::kAlways : Oversign::kIfThere;
      one = trimmed(one.substr(3));
    }
    const bool good = !one.empty() && std::ranges::all_of(one, [](char c) {
      return c > ' ' && c < 0x7f && c != ':' && c != ';';
    });
    if (!good) {
      if (!one.empty()) context.warn("sign_headers", fmt::format("{} is no header name", one));
      continue;
    }
    std::string name(one);
    std::ranges::transform(name, name.begin(), lower_ascii);
    out.push_back({name, context.headers.add(name), oversign});
  }
  return out;
}

// --- Compiling ---

class SigningCompiler {
 public:
  SigningCompiler(CompileContext& context, const SigningDefaults& defaults)
      : context_(context),
        options_(*context.options),
        defaults_(defaults),
        policy_(std::make_unique<SigningPolicy>()) {
    SigningPolicy& p = *policy_;
    p.sign_authenticated_ = options_.flag("sign_authenticated", defaults.sign_authenticated);
    p.sign_local_ = options_.flag("sign_local", defaults.sign_local);
    p.sign_inbound_ = options_.flag("sign_inbound", defaults.sign_inbound);
    p.use_esld_ = options_.flag("use_esld", true);
    p.try_fallback_ = options_.flag("try_fallback", true);
    p.envfrom_empty_ = options_.flag("allow_envfrom_empty", true);
    p.hdrfrom_mismatch_ = options_.flag("allow_hdrfrom_mismatch", defaults.allow_hdrfrom_mismatch);
    p.hdrfrom_mismatch_local_ = options_.flag("allow_hdrfrom_mismatch_local", false);
    p.hdrfrom_mismatch_networks_ = options_.flag("allow_hdrfrom_mismatch_sign_networks", false);
    p.hdrfrom_multiple_ = options_.flag("allow_hdrfrom_multiple", false);
    p.username_mismatch_ = options_.flag("allow_username_mismatch", false);
    p.use_domain_ = options_.string("use_domain", defaults.use_domain);
    p.use_domain_networks_ = options_.string("use_domain_sign_networks", "");
    p.use_domain_local_ = options_.string("use_domain_sign_local", "");
    p.use_domain_inbound_ = options_.string("use_domain_sign_inbound", "");
    p.selector_ = options_.string("selector", defaults.selector);
    p.path_ = options_.string("path", "");
    p.check_pubkey = options_.flag("check_pubkey", false);
    p.allow_pubkey_mismatch = options_.flag("allow_pubkey_mismatch", true);
    p.check_violation = options_.flag("check_violation", false);
    p.skip_spam_sign = options_.flag("skip_spam_sign", false);
    p.reject = context_.action("reject");
    p.soft_reject = context_.action("soft reject");
    p.no_action = context_.action("no action");
    p.greylist = context_.action("greylist");
    p.names_ = read_signed_names(options_.string("sign_headers", defaults.headers), context_);
  }

  std::unique_ptr<const SigningPolicy> finish() {
    if (asks_for_more() || !read_stored()) return nullptr;
    read_vault();
    read_request();
    policy_->networks_ = map("sign_networks", MapKind::kIp);
    policy_->selector_map_ = map("selector_map", MapKind::kHash);
    policy_->path_map_ = map("path_map", MapKind::kHash);
    read_domains();
    read_tables();
    if (policy_->path_map_)
      for (uint32_t i = 0; i < policy_->path_map_->values(); ++i)
        read_template(policy_->path_map_->value(i));
    // Without a map of selectors each file there may be meant: its name says whose it is.
    read_template(policy_->path_);
    if (policy_->keys_.empty() && policy_->stored_.empty() && policy_->vault_.empty() &&
        !policy_->use_request_)
      return nullptr;
    return std::move(policy_);
  }

 private:
  // What decides who signs and is not there: signing without it would be wrong.
  bool asks_for_more() {
    static constexpr std::pair<std::string_view, std::string_view> kMissing[] = {
        {"sign_condition", "Lua is not run"},
        {"use_domain_custom", "Lua is not run"},
        {"allowed_ids", "settings are not applied yet"},
        {"forbidden_ids", "settings are not applied yet"},
    };
    for (const auto& [name, why] : kMissing) {
      const UclObject* const value = options_.find(name);
      if (!value || value->as_bool() == false) continue;
      context_.warn(name, fmt::format("{}, so nothing is signed", why));
      return true;
    }
    return false;
  }

  // False: what is written cannot be meant.
  bool read_stored() {
    if (!options_.flag("use_redis", false)) return true;
    const std::string_view keys = options_.string("key_prefix", defaults_.key_prefix);
    const std::string_view selectors = options_.string("selector_prefix", "");
    for (const auto& [name, hash] : {std::pair{"key_prefix", keys}, {"selector_prefix", selectors}})
      if (hash.find_first_of(" \n") != std::string_view::npos) {
        context_.warn(name, "the name of a hash has no blanks; nothing is signed");
        return false;
      }
    policy_->stored_ = write_stored_key_name({defaults_.module, keys, selectors});
    policy_->stored_selectors_ = !selectors.empty();
    return true;
  }

  // A glob that names who signs is about the whole of it: the key of example.com is not for
  // user@example.com.evil.test.
  static Result<Regex> whole(const MapPattern& glob) {
    return Regex::compile(fmt::format("^(?:{})$", glob.regex), glob.flags);
  }

  void read_vault() {
    if (!options_.flag("use_vault", false)) return;
    for (uint32_t i = 0; i < kVaultKeysMax; ++i)
      policy_->vault_.push_back(
          write_stored_key_name({defaults_.module, fmt::format("{}{}", kVaultKeys, i), ""}));
    const std::shared_ptr<const Map> domains = map("vault_domains", MapKind::kGlob);
    policy_->all_in_vault_ = !domains;
    if (!domains) return;
    for (const MapPattern& one : domains->patterns())
      if (Result<Regex> regex = whole(one)) policy_->vault_domains_.push_back(std::move(*regex));
  }

  void read_request() {
    SigningPolicy& p = *policy_;
    p.use_request_ = options_.flag("use_http_headers", false);
    p.request_fallback_ = options_.flag("allow_headers_fallback", false);
    const auto name = [&](std::string_view option, std::string_view other) {
      return lowered(options_.string(option, other));
    };
    p.request_ = {name("http_sign_header", "PerformDkimSign"),
                  name("http_sign_on_reject_header_header", "SignOnAuthFailed"),
                  name("http_domain_header", "DkimDomain"),
                  name("http_selector_header", "DkimSelector"),
                  name("http_key_header", "DkimPrivateKey")};
  }

  std::shared_ptr<const Map> map(std::string_view name, MapKind kind) {
    return option_map(context_, &options_, name, kind);
  }

  void add_key(const std::string& name, std::string_view bytes, const UclObject* at) {
    Result<PrivateKey> key = PrivateKey::read(bytes);
    if (key)
      policy_->keys_.insert_or_assign(name, std::move(*key));
    else
      tell(at, fmt::format("{} {}; nothing is signed with it", name, key.error().what));
  }

  void tell(const UclObject* at, std::string sentence) {
    if (at)
      context_.warn_at(*at, std::move(sentence));
    else
      context_.warn("path", std::move(sentence));
  }

  // One file. `at`: where it is named; null where it was looked for.
  void read_key(const std::string& path, const UclObject* at) {
    // Where keys are stored, a selector alone is no name of a file.
    if (policy_->keys_.contains(path) || !context_.read_file || !policy_->stored_.empty()) return;
    Result<std::string> bytes = context_.read_file(path);
    if (bytes) return add_key(path, *bytes, at);
    tell(at, fmt::format("the key {} {}; nothing is signed with it", path, bytes.error().what));
  }

  // Every file that the template can name.
  void read_template(std::string_view text) {
    if (text.empty()) return;
    std::string pattern(text);
    const bool is_template = pattern.find('$') != std::string::npos;
    replace_all(pattern, "$domain", "*");
    replace_all(pattern, "$selector", "*");
    if (!is_template) return read_key(pattern, nullptr);
    if (!context_.glob) return;
    for (const std::string& path : context_.glob(pattern)) read_key(path, nullptr);
  }

  SigningPolicy::KeyName key_name(const UclObject& body, std::string_view domain,
                                  std::string_view selector, std::string_view path) {
    Arena arena(1024);
    SigningPolicy::KeyName out;
    out.selector = body.string("selector", selector);
    out.path = expand_key_path(body.string("path", path), domain, out.selector, arena);
    read_key(out.path, &body);
    return out;
  }

  void read_domains() {
    const UclObject* const given = options_.find("domain");
    if (!given) return;
    for (const UclObject* const body : given->named()) {
      std::string domain(body->key());
      std::ranges::transform(domain, domain.begin(), lower_ascii);
      std::vector<SigningPolicy::KeyName>& keys = policy_->domains_[domain];
      const std::string_view selector = body->string("selector", policy_->selector_);
      const std::string_view path = body->string("path", policy_->path_);
      if (const UclObject* const several = body->find("selectors")) {
        for (const UclObject* const one : several->list())
          if (one->is_object()) keys.push_back(key_name(*one, domain, selector, path));
      } else {
        keys.push_back(key_name(*body, domain, selector, path));
      }
      if (keys.size() > SigningPolicy::kSignersMax)
        context_.warn_at(*body, "only the first 16 selectors sign");
    }
  }

  std::vector<SigningPolicy::Pattern> patterns(std::string_view option, const Map& from) {
    std::vector<SigningPolicy::Pattern> out;
    for (const MapPattern& pattern : from.patterns()) {
      Result<Regex> regex = from.kind() == MapKind::kRegexp || from.kind() == MapKind::kRegexpMulti
                                ? Regex::compile(pattern.regex, pattern.flags)
                                : whole(pattern);
      if (regex)
        out.push_back({std::move(*regex), std::string(from.value(pattern.value))});
      else
        context_.warn(option, regex.error().what);
    }
    return out;
  }

  void read_tables() {
    const auto signing = map("signing_table", MapKind::kGlobMulti);
    const auto keys = map("key_table", MapKind::kGlob);
    if (!signing && !keys) return;
    if (!signing || !keys) {
      context_.warn(signing ? "signing_table" : "key_table",
                    "signing_table and key_table work together; one alone signs nothing");
      return;
    }
    policy_->has_table_ = true;
    policy_->signing_table_ = patterns("signing_table", *signing);
    policy_->key_table_ = patterns("key_table", *keys);
    for (size_t i = 0; i < policy_->key_table_.size(); ++i) {
      const SigningPolicy::Pattern& pattern = policy_->key_table_[i];
      const auto entry = read_key_entry(pattern.value, policy_->selector_);
      if (!entry) {
        context_.warn("key_table", fmt::format("\"{}\" is not domain:selector:key", pattern.value));
        continue;
      }
      std::string key(entry->key);
      if (!is_path(key)) {
        add_key(inline_key_name(i), key, options_.find("key_table"));
      } else if (key.find('%') == std::string::npos) {
        read_template(key);
      } else {
        replace_all(key, "%", "$domain");
        read_template(key);
      }
    }
  }

  CompileContext& context_;
  const UclObject& options_;
  const SigningDefaults& defaults_;
  std::unique_ptr<SigningPolicy> policy_;
};

std::unique_ptr<const SigningPolicy> SigningPolicy::compile(CompileContext& context,
                                                            const SigningDefaults& defaults) {
  return context.options ? SigningCompiler(context, defaults).finish() : nullptr;
}

// --- One message ---

SigningPolicy::Origin SigningPolicy::origin(const Envelope& envelope) const {
  const bool user = !envelope.user.empty();
  const bool local = envelope.own_ip;
  const bool network = holds(networks_, envelope.ip);
  if (user && sign_authenticated_) return Origin::kUser;
  if (network) return Origin::kNetwork;
  if (local && sign_local_) return Origin::kLocal;
  if (!user && !local && sign_inbound_) return Origin::kInbound;
  return Origin::kNobody;
}

std::string_view SigningPolicy::reduced(std::string_view domain, Arena& arena) const {
  if (domain.empty() || domain.starts_with('[')) return {};
  const std::string_view lower = lowered_copy(domain, arena);
  if (!use_esld_) return lower;
  const std::string_view organisation = find_suffix(lower).domain;
  return organisation.empty() ? lower : organisation;
}

std::string_view SigningPolicy::domain(const Batch& batch, uint32_t row, Origin origin,
                                       std::string_view from,
                                       std::string_view envelope_from) const {
  const std::string& special = origin == Origin::kNetwork   ? use_domain_networks_
                               : origin == Origin::kLocal   ? use_domain_local_
                               : origin == Origin::kInbound ? use_domain_inbound_
                                                            : use_domain_;
  const std::string& use = special.empty() ? use_domain_ : special;
  if (use == "header") return from;
  if (use == "envelope") return envelope_from;
  if (use == "auth") return domain_of(batch.envelopes[row].user);
  if (use != "recipient") return use;
  const std::span<const std::string_view> recipients = batch.recipients.row(row);
  return recipients.empty() ? std::string_view() : domain_of(recipients[0]);
}

bool SigningPolicy::may_sign(const Envelope& envelope, Origin origin, std::string_view domain,
                             std::string_view from, std::string_view envelope_from,
                             Arena& arena) const {
  if (domain.empty()) return false;
  if (envelope_from.empty()) {
    if (!envfrom_empty_) return false;
  } else if (from != envelope_from && !hdrfrom_mismatch_ &&
             !(origin == Origin::kLocal && hdrfrom_mismatch_local_) &&
             !(origin == Origin::kNetwork && hdrfrom_mismatch_networks_)) {
    return false;
  }
  return origin != Origin::kUser || username_mismatch_ ||
         reduced(domain_of(envelope.user), arena) == domain;
}

void SigningPolicy::push(std::string_view domain, std::string_view selector, std::string_view path,
                         Arena& arena, std::vector<Signer>& out) const {
  if (out.size() == kSignersMax) return;
  const DnsName name(domain), label(selector);
  if (!stored_.empty() && !name.empty()) {
    if (stored_selectors_)
      out.push_back({arena.copy(name.view()), {}, stored_});
    else if (!label.empty())
      out.push_back({arena.copy(name.view()), arena.copy(label.view()), stored_});
    return;
  }
  if (!key(path) || name.empty() || label.empty()) return;
  out.push_back({arena.copy(name.view()), arena.copy(label.view()), arena.copy(path)});
}

bool SigningPolicy::is_in_vault(std::string_view domain) const {
  if (vault_.empty()) return false;
  if (all_in_vault_) return true;
  RegexScratch scratch;
  return std::ranges::any_of(vault_domains_, [&](const Regex& one) {
    return one.find_in_bytes(scratch, domain) == Find::kFound;
  });
}

void SigningPolicy::by_domain(std::string_view domain, Arena& arena,
                              std::vector<Signer>& out) const {
  if (is_in_vault(domain)) {
    const DnsName name(domain);
    for (const std::string& key : vault_)
      if (!name.empty()) out.push_back({arena.copy(name.view()), {}, key});
    return;
  }
  if (const auto at = domains_.find(domain); at != domains_.end()) {
    for (const KeyName& one : at->second) push(domain, one.selector, one.path, arena, out);
    return;
  }
  const auto find = [&](const std::shared_ptr<const Map>& map) {
    const uint32_t number = map ? map->find(domain) : kNoIndex;
    return number == kNoIndex ? std::string_view() : map->value(number);
  };
  const std::string_view selector = find(selector_map_);
  const std::string_view path = stored_.empty() ? find(path_map_) : std::string_view();
  if (selector.empty() && path.empty() && !try_fallback_) return;
  const std::string_view by = selector.empty() ? std::string_view(selector_) : selector;
  push(domain, by,
       expand_key_path(path.empty() ? std::string_view(path_) : path, domain, by, arena), arena,
       out);
}

void SigningPolicy::by_table(std::string_view address, std::string_view domain, Arena& arena,
                             RegexScratch& scratch, std::vector<Signer>& out) const {
  for (const Pattern& signing : signing_table_) {
    if (signing.regex.find_in_bytes(scratch, address) != Find::kFound) continue;
    std::string wanted = signing.value;
    replace_all(wanted, "%", domain);
    for (size_t i = 0; i < key_table_.size(); ++i) {
      if (key_table_[i].regex.find_in_bytes(scratch, wanted) != Find::kFound) continue;
      std::string value = key_table_[i].value;
      replace_all(value, "%", domain);
      const auto entry = read_key_entry(value, selector_);
      if (!entry) break;
      const std::string path =
          is_path(entry->key)
              ? std::string(expand_key_path(entry->key, domain, entry->selector, arena))
              : inline_key_name(i);
      push(entry->domain, entry->selector, path, arena, out);
      break;
    }
  }
}

bool SigningPolicy::by_request(Batch& batch, uint32_t row, std::vector<Signer>& out) const {
  const std::span<const RequestHeader> headers = batch.request_headers.row(row);
  const auto find = [&](std::string_view name) {
    const auto at = std::ranges::find(headers, name, &RequestHeader::name);
    return at == headers.end() ? std::optional<std::string_view>() : at->value;
  };
  const auto domain = find(request_.domain), selector = find(request_.selector),
             key = find(request_.key);
  if (!find(request_.sign) || !domain || !selector || !key) return false;
  const DnsName name(*domain), label(*selector);
  const Result<PrivateKey> read = PrivateKey::read(*key);
  if (!read || name.empty() || label.empty()) return false;
  const std::string public_key = encode_base64_text(read->public_key());
  out.push_back({batch.arena.copy(name.view()), batch.arena.copy(label.view()),
                 batch.arena.copy(
                     write_request_key_name({.header = request_.key,
                                             .is_ed25519 = read->is_ed25519(),
                                             .in_any_case = find(request_.in_any_case).has_value(),
                                             .public_key = public_key}))});
  return true;
}

void SigningPolicy::signers(Batch& batch, uint32_t row, std::optional<RegexScratch>& scratch,
                            std::vector<Signer>& out) const {
  out.clear();
  if (use_request_ && (by_request(batch, row, out) || !request_fallback_)) return;
  const Envelope& envelope = batch.envelopes[row];
  const Origin from_where = origin(envelope);
  if (from_where == Origin::kNobody) return;
  const Address* const author = only_from(batch, row, hdrfrom_multiple_);
  if (!author || author->domain.empty()) return;
  Arena& arena = batch.arena;
  const std::string_view from = reduced(author->domain, arena);
  const std::string_view envelope_from = reduced(domain_of(envelope.from), arena);
  const std::string_view signing =
      reduced(domain(batch, row, from_where, from, envelope_from), arena);
  if (!may_sign(envelope, from_where, signing, from, envelope_from, arena)) return;
  if (!has_table_) return by_domain(signing, arena, out);
  if (!scratch) scratch.emplace();
  by_table(lowered_copy(author->address, arena), lowered_copy(author->domain, arena), arena,
           *scratch, out);
}

const PrivateKey* SigningPolicy::key(std::string_view path) const {
  const auto at = keys_.find(path);
  return at == keys_.end() ? nullptr : &at->second;
}

}  // namespace winnow
