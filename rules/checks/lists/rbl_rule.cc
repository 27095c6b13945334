#include "rules/checks/lists/rbl_rule.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/ascii.h"
#include "engine/hash/fingerprint.h"
#include "rules/checks/auth/dns_name.h"
#include "rules/checks/text.h"
#include "rules/config/ucl.h"

namespace winnow {

namespace {

constexpr int64_t kRequestsMax = 64;  // as options.dns_max_requests is by default

struct CheckName {
  std::string_view name;
  RblCheck check;
};
constexpr CheckName kCheckNames[] = {
    {"from", RblCheck::kFrom},     {"received", RblCheck::kReceived},
    {"helo", RblCheck::kHelo},     {"rdns", RblCheck::kRdns},
    {"urls", RblCheck::kUrls},     {"content_urls", RblCheck::kContentUrls},
    {"images", RblCheck::kImages}, {"numeric_urls", RblCheck::kNumericUrls},
    {"emails", RblCheck::kEmails}, {"replyto", RblCheck::kReplyTo},
    {"dkim", RblCheck::kDkim},     {"selector", RblCheck::kSelector},
};
constexpr std::pair<std::string_view, CodeMatcher> kMatchers[] = {
    {"equality", CodeMatcher::kEquality},
    {"luapattern", CodeMatcher::kLuaPattern},
    {"radix", CodeMatcher::kRadix},
    {"regexp", CodeMatcher::kRegexp},
    {"glob", CodeMatcher::kGlob}};
constexpr std::pair<std::string_view, ItemKind> kLabels[] = {
    {"from", ItemKind::kFrom},        {"received", ItemKind::kReceived},
    {"helo", ItemKind::kHelo},        {"rdns", ItemKind::kRdns},
    {"url", ItemKind::kUrl},          {"email", ItemKind::kEmail},
    {"dkim", ItemKind::kDkim},        {"replyto", ItemKind::kReplyTo},
    {"selector", ItemKind::kSelector}};

// Reads one rule; what it lacks stands in the section as default_KEY.
class Reader {
 public:
  Reader(CompileContext& context, const UclObject& body)
      : context_(context),
        body_(body),
        defaults_(!body.flag("ignore_defaults", false) && !body.flag("ignore_default", false)) {}

  std::optional<RblRule> run() {
    if (!body_.is_object() || !on()) return std::nullopt;
    RblRule rule;
    rule.body = &body_;
    rule.name = body_.key();
    if (!read_zone(rule)) return std::nullopt;
    read_flags(rule);
    read_checks(rule);
    read_received(rule);
    read_monitoring(rule);
    read_hash(rule);
    read_selectors(rule);
    read_prefixes(rule);
    read_symbols(rule);
    return rule;
  }

 private:
  bool on() const { return flag("enabled", true) && !body_.flag("disabled", false); }
  bool flag(const std::string& key, bool other) const {
    if (defaults_ && context_.options) other = context_.options->flag("default_" + key, other);
    return body_.flag(key, other);
  }
  void warn(const UclObject& at, std::string sentence) {
    context_.warn_at(at, fmt::format("rbl {}: {}", body_.key(), sentence));
  }

  bool read_zone(RblRule& rule) {
    const std::string_view zone = body_.string("rbl", "");
    const DnsName name(zone);
    rule.zone = name.view();
    if (rule.zone.empty())
      warn(body_, zone.empty() ? "it has no zone; write rbl = \"zone\""
                               : fmt::format("\"{}\" is no name that DNS can hold", zone));
    return !rule.zone.empty();
  }

  void read_flags(RblRule& rule) {
    const std::pair<const char*, bool*> flags[] = {{"ipv4", &rule.ipv4},
                                                   {"ipv6", &rule.ipv6},
                                                   {"no_ip", &rule.no_ip},
                                                   {"unknown", &rule.unknown},
                                                   {"exclude_users", &rule.exclude_users},
                                                   {"exclude_local", &rule.exclude_local},
                                                   {"emails_domainonly", &rule.emails_domainonly},
                                                   {"dkim_domainonly", &rule.dkim_domainonly},
                                                   {"dkim_match_from", &rule.dkim_match_from},
                                                   {"url_full_hostname", &rule.url_full_hostname},
                                                   {"resolve_ip", &rule.resolve_ip},
                                                   {"is_whitelist", &rule.is_whitelist},
                                                   {"ignore_whitelist", &rule.ignore_whitelist}};
    rule.exclude_local = defaults_;  // a default as well, which some do not inherit
    for (const auto& [key, to] : flags) *to = flag(key, *to);
    rule.exclude_local = flag("exclude_private_ips", rule.exclude_local);
    rule.ignore_whitelist = flag("ignore_whitelists", rule.ignore_whitelist);
    const int64_t limit = body_.integer("requests_limit", of_all("dns_max_requests", kRequestsMax));
    rule.requests_limit = static_cast<uint32_t>(std::clamp<int64_t>(limit, 0, 10'000));
    if (const UclObject* const script = body_.find("process_script"))
      warn(*script, "process_script is Lua and is not run; the name is made as without it");
  }

  // A number of options {}, which stands beside the section.
  int64_t of_all(std::string_view key, int64_t other) const {
    const UclObject* const root = context_.options->parent();
    const UclObject* const options = root ? root->find("options") : nullptr;
    return options ? options->integer(key, other) : other;
  }
  bool is_monitored() const {
    const UclObject* const root = context_.options->parent();
    const UclObject* const options = root ? root->find("options") : nullptr;
    return !body_.flag("disable_monitoring", false) &&
           !context_.options->flag("disable_monitoring", false) &&
           !(options && options->flag("disable_monitoring", false));
  }

  // Lists of addresses have a test point that is never listed (RFC 5782 5); others get a random
  // name.
  void read_monitoring(RblRule& rule) {
    rule.monitored = is_monitored();
    const bool of_ips = rule.has(RblCheck::kFrom) || rule.has(RblCheck::kReceived);
    if (!body_.flag("random_monitored", !of_ips || rule.no_ip)) rule.probe = "1.0.0.127";
    rule.probe = body_.string("monitored_address", rule.probe);
    if (const DnsName name(rule.probe); name.empty() && !rule.probe.empty()) {
      warn(body_, "monitored_address is no name that DNS can hold");
      rule.probe.clear();
    }
  }

  uint16_t check_bits(const char* key) {
    uint16_t bits = 0;
    const UclObject* const list = body_.find(key);
    if (!list) return bits;
    for (const UclObject* const one : list->list()) {
      const auto at = std::ranges::find(kCheckNames, one->text(), &CheckName::name);
      if (at == std::end(kCheckNames))
        warn(*one, fmt::format("\"{}\" is nothing that can be asked", one->text()));
      else
        bits |= static_cast<uint16_t>(at->check);
    }
    return bits;
  }

  void read_checks(RblRule& rule) {
    rule.checks = check_bits("checks");
    for (const auto& [name, check] : kCheckNames)
      if (const UclObject* const old = body_.find(name); old && old->as_bool().value_or(false))
        rule.checks |= static_cast<uint16_t>(check);
    if (body_.find("selector")) rule.checks |= static_cast<uint16_t>(RblCheck::kSelector);
    if (rule.checks == 0) rule.checks = static_cast<uint16_t>(RblCheck::kFrom);
    rule.checks &= static_cast<uint16_t>(~check_bits("exclude_checks"));
  }

  uint8_t hop_flags(const char* key) {
    uint8_t bits = 0;
    for (const std::string_view name : body_.strings(key)) {
      if (name == "ssl")
        bits |= static_cast<uint8_t>(ReceivedFlag::kSsl);
      else if (name == "artificial")
        bits |= static_cast<uint8_t>(ReceivedFlag::kArtificial);
      else if (name == "authenticated")
        bits |= static_cast<uint8_t>(ReceivedFlag::kAuthenticated);
      else
        warn(body_, fmt::format("{}: \"{}\" is no flag of a hop", key, name));
    }
    return bits;
  }

  void read_received(RblRule& rule) {
    const auto position = [&](const char* key, int other) {
      return static_cast<int>(std::clamp<int64_t>(body_.integer(key, other), -10'000, 10'000));
    };
    rule.received_min_pos = position("received_min_pos", 1);
    rule.received_max_pos = position("received_max_pos", -1);
    rule.received_flags = hop_flags("received_flags");
    rule.received_nflags = hop_flags("received_nflags");
  }

  void read_hash(RblRule& rule) {
    if (const UclObject* const hash = body_.find("hash")) {
      rule.hash = digest_kind(hash->last_value().text());
      if (!rule.hash)
        warn(*hash, fmt::format("\"{}\" is none of md5, sha1, sha256, sha384, sha512, blake2; "
                                "names are asked without a hash",
                                hash->last_value().text()));
    }
    if (const UclObject* const form = body_.find("hash_format")) {
      const std::optional<DigestForm> known = digest_form(form->last_value().text());
      if (known)
        rule.hash_form = *known;
      else
        warn(*form, fmt::format("\"{}\" is none of hex, base32, base64; hex is taken",
                                form->last_value().text()));
    }
    rule.hash_len =
        static_cast<uint32_t>(std::clamp<int64_t>(body_.integer("hash_len", 0), 0, 255));
    rule.emails_delimiter = body_.string("emails_delimiter", rule.hash ? "@" : ".");
  }

  void add_selector(RblRule& rule, std::string_view label, const UclObject& value) {
    RblSelector one;
    one.label = label;
    one.text = value.text();
    Fingerprint hash;
    hash.add(one.text);
    one.hash = static_cast<uint32_t>(hash.value());
    rule.selectors.push_back(std::move(one));
  }

  void read_selectors(RblRule& rule) {
    const UclObject* const given = body_.find("selector");
    if (!given) return;
    for (const UclObject& value : given->values()) {
      if (value.is_object())
        for (const UclObject& child : value.children())
          add_selector(rule, child.key(), child.last_value());
      else
        add_selector(rule, "selector", value);
    }
  }

  void read_prefixes(RblRule& rule) {
    const UclObject* const given = body_.find("symbols_prefixes");
    if (!given || !given->is_object()) return;
    for (const UclObject& child : given->children()) {
      const auto at =
          std::ranges::find(kLabels, child.key(), &std::pair<std::string_view, ItemKind>::first);
      if (at == std::end(kLabels)) {
        warn(child, fmt::format("\"{}\" is no check that has a prefix", child.key()));
        continue;
      }
      std::string prefix = std::string(child.last_value().text()) + "_";
      auto known = std::ranges::find(rule.prefixes, prefix);
      rule.prefix_of[static_cast<size_t>(at->second)] =
          static_cast<uint8_t>(known - rule.prefixes.begin());
      if (known == rule.prefixes.end() && rule.prefixes.size() < 16)
        rule.prefixes.push_back(std::move(prefix));
    }
  }

  uint32_t symbol_number(RblRule& rule, std::string_view name) {
    const auto at = std::ranges::find(rule.symbols, name, &RblSymbol::name);
    if (at != rule.symbols.end()) return static_cast<uint32_t>(at - rule.symbols.begin());
    rule.symbols.push_back({.name = std::string(name)});
    return static_cast<uint32_t>(rule.symbols.size() - 1);
  }

  void read_symbols(RblRule& rule) {
    std::string own(body_.string("symbol", ""));
    if (own.empty()) own = uppered(body_.key());
    rule.fail_symbol = own + "_FAIL";
    symbol_number(rule, own);
    CodeMatcher matcher = CodeMatcher::kEquality;
    if (const UclObject* const given = body_.find("returncodes_matcher")) {
      const auto at = std::ranges::find(kMatchers, given->last_value().text(),
                                        &std::pair<std::string_view, CodeMatcher>::first);
      if (at == std::end(kMatchers))
        warn(*given, fmt::format("\"{}\" is none of equality, luapattern, radix, regexp, glob",
                                 given->last_value().text()));
      else
        matcher = at->second;
    }
    for (const char* const key : {"returncodes", "return_codes"})
      each_code(rule, key, [&](const UclObject& value, uint32_t symbol) {
        return rule.codes.add_code(value.text(), matcher, symbol);
      });
    for (const char* const key : {"returnbits", "return_bits"})
      each_code(rule, key, [&](const UclObject& value, uint32_t symbol) {
        return rule.codes.add_bits(static_cast<uint64_t>(value.as_int().value_or(0)), symbol);
      });
    if (!rule.is_whitelist) return;
    const std::vector<std::string_view> exceptions = body_.strings("whitelist_exception");
    for (RblSymbol& one : rule.symbols)
      one.whitelists = std::ranges::find(exceptions, one.name) == exceptions.end();
  }

  template <class F>
  void each_code(RblRule& rule, const char* key, F add) {
    const UclObject* const given = body_.find(key);
    if (!given) return;
    for (const UclObject& value : given->values())
      for (const UclObject& child : value.children()) {
        const uint32_t symbol = symbol_number(rule, child.key());
        for (const UclObject* const one : child.list())
          if (Result<void> added = add(*one, symbol); !added)
            warn(*one,
                 fmt::format("{} of {} is left out: {}", key, child.key(), added.error().what));
      }
  }

  CompileContext& context_;
  const UclObject& body_;
  const bool defaults_;
};

}  // namespace

std::vector<bool> RblRule::used_prefixes() const {
  constexpr auto kUrlChecks =
      static_cast<uint16_t>(RblCheck::kUrls) | static_cast<uint16_t>(RblCheck::kContentUrls) |
      static_cast<uint16_t>(RblCheck::kImages) | static_cast<uint16_t>(RblCheck::kNumericUrls);
  constexpr std::pair<uint16_t, ItemKind> kKinds[] = {
      {static_cast<uint16_t>(RblCheck::kFrom), ItemKind::kFrom},
      {static_cast<uint16_t>(RblCheck::kReceived), ItemKind::kReceived},
      {static_cast<uint16_t>(RblCheck::kHelo), ItemKind::kHelo},
      {static_cast<uint16_t>(RblCheck::kRdns), ItemKind::kRdns},
      {kUrlChecks, ItemKind::kUrl},
      {static_cast<uint16_t>(RblCheck::kEmails), ItemKind::kEmail},
      {static_cast<uint16_t>(RblCheck::kReplyTo), ItemKind::kReplyTo},
      {static_cast<uint16_t>(RblCheck::kDkim), ItemKind::kDkim},
      {static_cast<uint16_t>(RblCheck::kSelector), ItemKind::kSelector}};
  std::vector<bool> used(prefixes.size());
  for (const auto& [bits, kind] : kKinds)
    if (checks & bits) used[prefix_of[static_cast<size_t>(kind)]] = true;
  return used;
}

std::vector<RblRule> read_rbl_rules(CompileContext& context) {
  std::vector<RblRule> out;
  const UclObject* const rules = context.options ? context.options->find("rbls") : nullptr;
  if (!rules) return out;
  for (const UclObject* const body : rules->named())
    if (std::optional<RblRule> rule = Reader(context, body->last_value()).run())
      out.push_back(std::move(*rule));
  return out;
}

void complete_rbl_rule(CompileContext& context, RblRule& rule) {
  for (RblSymbol& symbol : rule.symbols)
    for (const std::string& prefix : rule.prefixes)
      symbol.ids.push_back(context.symbol(prefix + symbol.name));
  rule.fail = context.symbol(rule.fail_symbol);
  const UclObject& body = *rule.body;
  for (const std::string_view name : body.strings("require_symbols"))
    rule.require_symbols.push_back(context.symbol(name));
  if (const UclObject* const map = body.find("url_compose_map")) {
    const std::shared_ptr<const Map> lines = context.map_of(*map, MapKind::kLines);
    const auto tell = [&](std::string sentence) {
      context.warn_at(*map, fmt::format("rbl {}: {}", rule.name, sentence));
    };
    if (lines->kind() == MapKind::kLines)
      rule.compose = std::make_shared<const UrlCompose>(*lines, tell);
    else
      tell("url_compose_map is a list of rules, not of another kind; it is not used");
  }
  const bool of_ips = rule.has(RblCheck::kFrom) || rule.has(RblCheck::kReceived);
  if (const UclObject* const map = body.find("whitelist"))
    rule.whitelist = context.map_of(*map, of_ips ? MapKind::kIp : MapKind::kSet);
  if (of_ips || body.flag("ignore_url_whitelist", false)) return;
  const UclObject* map = body.find("url_whitelist");
  if (!map && context.options) map = context.options->find("url_whitelist");
  if (map) rule.url_whitelist = context.map_of(*map, MapKind::kSet);
}

}  // namespace winnow
