#include "rules/checks/policy/multimap_rule.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "rules/checks/auth/dns_name.h"
#include "rules/checks/text.h"
#include "rules/config/nearest.h"
#include "rules/config/ucl.h"
#include "rules/lang/expression.h"
#include "rules/lang/regexp.h"

namespace winnow {

namespace {

using Type = MultimapType;
using Filter = MultimapFilter;

struct TypeName {
  std::string_view name;
  Type type;
  std::string_view target = {}, prefix = {};  // kOptions: whose options, and how they begin
};
constexpr TypeName kTypes[] = {
    {"from", Type::kFrom},
    {"rcpt", Type::kRcpt},
    {"header", Type::kHeader},
    {"ip", Type::kIp},
    {"helo", Type::kHelo},
    {"hostname", Type::kHostname},
    {"user", Type::kUser},
    {"url", Type::kUrl},
    {"filename", Type::kFilename},
    {"content", Type::kContent},
    {"received", Type::kReceived},
    {"selector", Type::kSelector},
    {"symbol_options", Type::kOptions},
    {"asn", Type::kOptions, "ASN", "asn:"},
    {"country", Type::kOptions, "ASN", "country:"},
    {"mempool", Type::kOptions, "ASN", ""},  // read_variable() knows what stands for its variables
    {"dnsbl", Type::kDnsbl},
    {"combined", Type::kCombined},
};

constexpr uint32_t of(Type type) { return 1u << static_cast<int>(type); }
constexpr uint32_t kMails = of(Type::kFrom) | of(Type::kRcpt) | of(Type::kHeader);
constexpr uint32_t kHosts = of(Type::kHelo) | of(Type::kHostname);

struct FilterName {
  std::string_view name;  // ends with ':' where the filter's own pattern follows
  Filter filter;
  uint32_t types;
};
constexpr FilterName kFilters[] = {
    {"email", Filter::kEmailAddress, kMails},
    {"email:addr", Filter::kEmailAddress, kMails},
    {"email:user", Filter::kEmailUser, kMails},
    {"email:domain", Filter::kEmailDomain, kMails},
    {"email:domain:tld", Filter::kEmailDomainTld, kMails},
    {"email:name", Filter::kEmailName, kMails},
    {"ip_addr", Filter::kIpAddress, of(Type::kHeader)},
    {"tld:regexp:", Filter::kTldRegexp, kHosts | of(Type::kUrl)},
    {"full:regexp:", Filter::kFullRegexp, of(Type::kUrl)},
    {"regexp:", Filter::kRegexp,
     kMails | kHosts | of(Type::kUrl) | of(Type::kFilename) | of(Type::kUser) |
         of(Type::kSelector) | of(Type::kOptions)},
    {"host", Filter::kNone, of(Type::kUrl)},
    {"template:", Filter::kTemplate, of(Type::kUrl)},
    {"tld", Filter::kTld, kHosts | of(Type::kUrl)},
    {"top", Filter::kTop, kHosts | of(Type::kUrl)},
    {"full", Filter::kFull, of(Type::kUrl) | of(Type::kContent)},
    {"path", Filter::kPath, of(Type::kUrl)},
    {"query", Filter::kQuery, of(Type::kUrl)},
    {"is_phished", Filter::kPhished, of(Type::kUrl)},
    {"is_redirected", Filter::kRedirected, of(Type::kUrl)},
    {"is_obscured", Filter::kObscured, of(Type::kUrl)},
    {"extension", Filter::kExtension, of(Type::kFilename)},
    {"ext", Filter::kExtension, of(Type::kFilename)},
    {"body", Filter::kBody, of(Type::kContent)},
    {"headers", Filter::kHeaders, of(Type::kContent)},
    {"text", Filter::kText, of(Type::kContent)},
    {"rawtext", Filter::kRawText, of(Type::kContent)},
    {"oneline", Filter::kOneLine, of(Type::kContent)},
    {"real_ip", Filter::kRealIp, of(Type::kReceived)},
    {"from_ip", Filter::kFromIp, of(Type::kReceived)},
    {"from_hostname", Filter::kFromHostname, of(Type::kReceived)},
    {"real_hostname", Filter::kRealHostname, of(Type::kReceived)},
    {"by_hostname", Filter::kByHostname, of(Type::kReceived)},
    {"proto", Filter::kProto, of(Type::kReceived)},
    {"for", Filter::kFor, of(Type::kReceived)},
    {"timestamp", Filter::kTimestamp, of(Type::kReceived)},
};

// Reads one rule; says what is wrong through the context.
class Reader {
 public:
  Reader(CompileContext& context, const UclObject& body) : context_(context), body_(body) {}

  std::optional<MultimapRule> read() {
    rule_.body = &body_;
    rule_.symbol = body_.string("symbol", body_.key());
    if (!read_type() || !read_filter() || !read_fields()) return std::nullopt;
    if (rule_.source.type == Type::kCombined)
      return read_parts() ? std::optional(std::move(rule_)) : std::nullopt;
    return complete(map_kind());
  }

  // A part of a combined rule: its type is the kind of its map.
  std::optional<MultimapRule> read_part() {
    rule_.body = &body_;
    rule_.source.type = Type::kSelector;
    if (!read_fields()) return std::nullopt;
    const std::string_view type = body_.string("type", "");
    static constexpr std::pair<std::string_view, MapKind> kKinds[] = {
        {"radix", MapKind::kIp},  {"ip", MapKind::kIp},   {"regexp", MapKind::kRegexp},
        {"glob", MapKind::kGlob}, {"set", MapKind::kSet}, {"hash", MapKind::kHash},
        {"map", MapKind::kHash},  {"cdb", MapKind::kCdb},
    };
    const auto known =
        std::ranges::find(kKinds, type, &std::pair<std::string_view, MapKind>::first);
    if (!type.empty() && known == std::end(kKinds))
      return off(*body_.find("type"), fmt::format("\"{}\" is no kind of map", type));
    return complete(known == std::end(kKinds) ? map_kind() : known->second);
  }

 private:
  std::nullopt_t off(const UclObject& at, std::string why) {
    context_.warn_at(at, fmt::format("multimap rule {} is off: {}", body_.key(), why));
    return std::nullopt;
  }

  // Reads the map.
  std::optional<MultimapRule> complete(MapKind wanted) {
    const UclObject* map = body_.find("map");
    if (!map) map = body_.find("url");
    if (!map) return off(body_, "it has no map");
    if (rule_.source.type == Type::kDnsbl) {
      rule_.source.text = map->last_value().text();
      if (DnsName(rule_.source.text).empty())
        return off(*map, fmt::format("\"{}\" is no zone", rule_.source.text));
    } else {
      rule_.map = context_.map_of(*map, wanted);
      const MapKind kind = rule_.map->kind();
      rule_.multi = kind == MapKind::kRegexpMulti || kind == MapKind::kGlobMulti ||
                    (has_patterns(kind) && body_.flag("multi", false));
    }
    rule_.source.key = source_key();
    return std::move(rule_);
  }

  bool read_parts() {
    constexpr size_t kPartsMax = 64;
    const UclObject* const parts = body_.find("rules");
    const UclObject* const expression = body_.find("expression");
    if (!parts || !parts->last_value().is_object() || !expression) {
      off(body_, "type combined needs rules { NAME { selector, map } } and an expression of names");
      return false;
    }
    std::vector<std::string_view> names;
    for (const UclObject& child : parts->last_value().children()) {
      if (!child.last_value().is_object() || names.size() == kPartsMax) continue;
      names.push_back(child.key());
      rule_.parts.push_back({std::string(child.key()), &child.last_value()});
    }
    Result<Program> program =
        parse_expression(expression->last_value().text(), ExpressionDialect::kComposite,
                         [&](std::string_view atom, size_t) -> Result<uint32_t> {
                           const auto at = std::ranges::find(names, atom);
                           if (at != names.end()) return static_cast<uint32_t>(at - names.begin());
                           const std::string near = did_you_mean(atom, names);
                           return fail(fmt::format("none of its rules is {}{}{}", atom,
                                                   near.empty() ? "" : ". ", near));
                         });
    if (!program) {
      off(*expression, fmt::format("{} (byte {} of its expression)", program.error().what,
                                   program.error().column));
      return false;
    }
    rule_.expression = std::move(*program);
    rule_.source.key = fmt::format("combined:{}", expression->last_value().text());
    return true;
  }

  bool read_type() {
    const UclObject* const given = body_.find("type");
    if (!given) {
      off(body_, "it has no type");
      return false;
    }
    const std::string_view name = given->last_value().text();
    for (const TypeName& one : kTypes) {
      if (one.name != name) continue;
      rule_.source.type = one.type;
      rule_.source.target = one.target;
      rule_.source.prefix = one.prefix;
      return name == "mempool" ? read_variable() : true;
    }
    if (name == "regexp_rules") return false;  // rules/compile/regexp_maps.cc reads them
    off(*given, fmt::format("there is no type {}", name));
    return false;
  }

  // There is no memory pool; what Rspamd's own modules leave in it is known under few names.
  bool read_variable() {
    const UclObject* const given = body_.find("variable");
    const std::string_view name = given ? given->last_value().text() : std::string_view{};
    for (const std::string_view known : {"asn", "ipnet", "country"}) {
      if (name != known) continue;
      rule_.source.prefix = fmt::format("{}:", known);
      return true;
    }
    off(given ? *given : body_, fmt::format("variable \"{}\" is not there: of variables asn, ipnet "
                                            "and country are known",
                                            name));
    return false;
  }

  bool read_selector() {
    const UclObject* const given = body_.find("selector");
    if (!given) {
      off(body_, "it needs selector = \"…\"");
      return false;
    }
    Result<Selector> made = Selector::parse(given->last_value().text(), context_.headers, {});
    if (!made) {
      off(*given, fmt::format("its selector is broken: {} (byte {})", made.error().what,
                              made.error().column));
      return false;
    }
    if (made->reads_languages() && context_.wants_languages) context_.wants_languages();
    rule_.source.selector = std::make_shared<const Selector>(std::move(*made));
    rule_.source.delimiter = body_.string("delimiter", "");
    return true;
  }

  bool read_filter() {
    MultimapSource& source = rule_.source;
    if (source.type == Type::kContent) source.filter = Filter::kFull;
    if (source.type == Type::kReceived) source.filter = Filter::kRealIp;
    const UclObject* const given = body_.find("filter");
    if (!given) return true;
    std::string_view name = given->last_value().text();
    if (source.type == Type::kReceived && name.starts_with("tld:")) {
      source.only_tld = true;
      name.remove_prefix(4);
    }
    for (const FilterName& one : kFilters) {
      const bool own = one.name.ends_with(':');
      if (own ? !name.starts_with(one.name) : name != one.name) continue;
      if (!(one.types & of(source.type))) continue;
      source.filter = one.filter;
      if (source.filter == Filter::kTemplate) source.text = name.substr(one.name.size());
      if (!own || source.filter == Filter::kTemplate) return true;
      return read_filter_pattern(*given, name.substr(one.name.size()));
    }
    std::vector<std::string_view> names;
    for (const FilterName& one : kFilters)
      if (one.types & of(source.type)) names.push_back(one.name);
    const std::string near = did_you_mean(name, names);
    off(*given, fmt::format("filter {} is not known or not there yet for type {}{}{}", name,
                            body_.string("type", ""), near.empty() ? "" : ". ", near));
    return false;
  }

  bool read_filter_pattern(const UclObject& at, std::string_view text) {
    Result<PatternSpec> spec = parse_plain_regexp(text);
    Result<Regex> regex = spec ? Regex::compile(spec->regex, spec->flags)
                               : Result<Regex>(tl::unexpected<Error>(spec.error()));
    if (!regex) {
      off(at, fmt::format("its filter's pattern {} is broken: {}", text, regex.error().what));
      return false;
    }
    rule_.source.regex = std::move(*regex);
    return true;
  }

  bool read_fields() {
    MultimapSource& source = rule_.source;
    if (source.type == Type::kHeader) {
      for (const std::string_view name : body_.strings("header"))
        source.headers.push_back(context_.headers.add(name));
      if (source.headers.empty()) {
        off(body_, "type header needs header = \"Name\"");
        return false;
      }
    }
    if (source.type == Type::kSelector && !read_selector()) return false;
    if (source.type == Type::kOptions && source.target.empty()) {
      source.target = body_.string("target_symbol", "");
      if (source.target.empty()) {
        off(body_, "type symbol_options needs target_symbol = \"SYMBOL\"");
        return false;
      }
    }
    const std::string_view extract = body_.string("extract_from", "default");
    source.extract = extract == "smtp"   ? ExtractFrom::kSmtp
                     : extract == "mime" ? ExtractFrom::kMime
                     : extract == "both" ? ExtractFrom::kBoth
                                         : ExtractFrom::kDefault;
    if (source.extract == ExtractFrom::kDefault && extract != "default")
      context_.warn_at(body_, fmt::format("multimap rule {}: extract_from is default, smtp, mime "
                                          "or both; default holds",
                                          body_.key()));
    source.skip_archives = body_.flag("skip_archives", false);
    source.skip_detected = body_.flag("skip_detected", false);
    source.artificial = body_.flag("artificial", false);
    source.min_pos =
        static_cast<int>(std::clamp<int64_t>(body_.integer("min_pos", 1), -1000, 1000));
    source.max_pos =
        static_cast<int>(std::clamp<int64_t>(body_.integer("max_pos", -1), -1000, 1000));
    if (source.type == Type::kReceived) {
      source.flags = received_flags("flags");
      source.no_flags = received_flags("nflags");
    }
    for (const char* const key : {"message_func", "combinator"})
      if (const UclObject* const given = body_.find(key);
          given && given->last_value().text() != "string")
        context_.warn_at(*given, fmt::format("multimap rule {}: {} is not there yet; it is ignored",
                                             body_.key(), key));
    return true;
  }

  uint8_t received_flags(const char* key) {
    uint8_t flags = 0;
    for (const std::string_view name : body_.strings(key)) {
      if (name == "ssl" || name == "tls")
        flags |= static_cast<uint8_t>(ReceivedFlag::kTls);
      else if (name == "authenticated")
        flags |= static_cast<uint8_t>(ReceivedFlag::kAuthenticated);
      else if (name == "artificial")
        flags |= static_cast<uint8_t>(ReceivedFlag::kArtificial);
      else
        context_.warn_at(*body_.find(key),
                         fmt::format("multimap rule {}: there is no flag {}", body_.key(), name));
    }
    return flags;
  }

  MapKind map_kind() const {
    const bool multi = body_.flag("multi", false);
    if (body_.flag("regexp", false)) return multi ? MapKind::kRegexpMulti : MapKind::kRegexp;
    if (body_.flag("glob", false)) return multi ? MapKind::kGlobMulti : MapKind::kGlob;
    return rule_.source.gives_addresses() ? MapKind::kIp : MapKind::kHash;
  }

  std::string source_key() const {
    const MultimapSource& s = rule_.source;
    const std::string_view type = s.type == Type::kSelector ? "selector" : body_.string("type", "");
    std::string key = fmt::format("{}:{}", type, body_.string("filter", ""));
    for (const HeaderId id : s.headers) key += fmt::format(":{}", context_.headers.name(id));
    if (s.type == Type::kFrom || s.type == Type::kRcpt)
      key += fmt::format(":{}", static_cast<int>(s.extract));
    if (s.type == Type::kSelector)
      key += fmt::format(":{}:{}", body_.string("selector", ""), s.delimiter);
    if (s.type == Type::kOptions) key += fmt::format(":{}:{}", s.target, s.prefix);
    if (s.type == Type::kDnsbl) key += fmt::format(":{}", s.text);
    if (s.type == Type::kFilename) key += fmt::format(":{}{}", s.skip_archives, s.skip_detected);
    if (s.type == Type::kReceived)
      key +=
          fmt::format(":{}:{}:{}:{}:{}", s.min_pos, s.max_pos, s.flags, s.no_flags, s.artificial);
    return key;
  }

  CompileContext& context_;
  const UclObject& body_;
  MultimapRule rule_;
};

constexpr bool is_symbol_byte(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.' || c == '/';
}

bool is_symbol(std::string_view text) {
  return !text.empty() && !(text[0] >= '0' && text[0] <= '9') && text[0] != '-' && text[0] != '.' &&
         text[0] != '/' && std::ranges::all_of(text, is_symbol_byte);
}

std::optional<double> number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  const bool whole = error == std::errc() && end == text.data() + text.size() && !text.empty();
  return whole && value > -1e9 && value < 1e9 ? std::optional(value) : std::nullopt;
}

}  // namespace

MultimapValue parse_multimap_value(std::string_view text) {
  MultimapValue out;
  if (const std::optional<double> score = number(text)) {
    out.score = *score;
    return out;
  }
  const size_t first = text.find(':');
  const std::string_view symbol = text.substr(0, first);
  if (!is_symbol(symbol)) return out;
  if (first == text.npos) {
    out.symbol = symbol;
    return out;
  }
  const std::string_view rest = text.substr(first + 1);
  const size_t second = rest.find(':');
  const std::optional<double> score = number(rest.substr(0, second));
  if (!score && !rest.substr(0, second).empty()) return out;
  out.symbol = symbol;
  out.score = score.value_or(1);
  if (second != rest.npos) out.options = rest.substr(second + 1);
  return out;
}

std::vector<const UclObject*> multimap_rules(const UclObject& section) {
  std::vector<const UclObject*> out;
  for (const UclObject& one : section.values())
    for (const UclObject& child : one.children())
      if (child.key() != "redis" && child.key() != "multimap" && child.last_value().is_object())
        out.push_back(&child.last_value());
  return out;
}

std::optional<MultimapRule> read_multimap_rule(CompileContext& context, const UclObject& body) {
  return Reader(context, body).read();
}

std::optional<MultimapRule> read_multimap_part(CompileContext& context, const UclObject& body) {
  return Reader(context, body).read_part();
}

std::vector<std::string_view> multimap_symbols(const MultimapRule& rule) {
  std::vector<std::string_view> out;
  if (!rule.map) return out;
  for (uint32_t i = 1; i < rule.map->values(); ++i)
    if (const MultimapValue value = parse_multimap_value(rule.map->value(i)); !value.symbol.empty())
      out.push_back(value.symbol);
  std::ranges::sort(out);
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace winnow
