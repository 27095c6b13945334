#include "rules/lang/selector.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "engine/crypt/digest.h"
#include "engine/match/pattern.h"
#include "engine/mime/addresses.h"
#include "engine/mime/ip.h"
#include "engine/url/suffix.h"
#include "rules/maps/map.h"

namespace winnow {

namespace {

enum class Take : uint8_t {
  kConstant,
  kIp,
  kFrom,
  kRcpts,
  kTo,
  kUser,
  kHelo,
  kHostname,
  kHeader,
  kUrls,
  kMapUrls,
  kEmails,
  kMessageId,
  kQueueId,
  kFiles,
  kReceived,
  kReceivedCount,
  kAuthenticated,
  kLanguages,
};

enum class Change : uint8_t {
  kField,  // of an address or a URL; the argument is its name
  kFields,
  kLower,
  kFirst,
  kLast,
  kNth,
  kTakeN,
  kDropN,
  kJoin,
  kJoinFields,
  kSort,
  kUniq,
  kDigest,
  kSubstring,
  kPrepend,
  kAppend,
  kRegexp,
  kFilterMap,
  kExceptMap,
  kApplyMap,
  kEqual,
  kIn,
  kNotIn,
  kInverse,
  kId,
  kIpMask,
  kOrganisation,
};

struct Row {
  std::string_view name;
  uint8_t kind;
  uint8_t least, most;           // arguments
  std::string_view before = {};  // an argument that the name stands for
};
constexpr uint8_t row(Take kind) { return static_cast<uint8_t>(kind); }
constexpr uint8_t row(Change kind) { return static_cast<uint8_t>(kind); }

constexpr Row kTakes[] = {
    {"id", row(Take::kConstant), 0, 16},
    {"list", row(Take::kConstant), 1, 16},
    {"ip", row(Take::kIp), 0, 0},
    {"from", row(Take::kFrom), 0, 2},
    {"rcpts", row(Take::kRcpts), 0, 2},
    {"to", row(Take::kTo), 0, 0},
    {"user", row(Take::kUser), 0, 0},
    {"helo", row(Take::kHelo), 0, 0},
    {"hostname", row(Take::kHostname), 0, 0},
    {"header", row(Take::kHeader), 1, 2},
    {"urls", row(Take::kUrls), 0, 1},
    {"specific_urls", row(Take::kUrls), 0, 1},
    {"specific_urls_filter_map", row(Take::kMapUrls), 1, 2},
    {"emails", row(Take::kEmails), 0, 1},
    {"messageid", row(Take::kMessageId), 0, 0},
    {"queueid", row(Take::kQueueId), 0, 0},
    {"files", row(Take::kFiles), 0, 0},
    {"received", row(Take::kReceived), 1, 1},
    {"received_count", row(Take::kReceivedCount), 0, 0},
    {"authenticated", row(Take::kAuthenticated), 0, 0},
    {"languages", row(Take::kLanguages), 0, 0},
};

constexpr Row kChanges[] = {
    {"addr", row(Change::kField), 0, 0, "addr"},
    {"domain", row(Change::kField), 0, 0, "domain"},
    {"get_addr", row(Change::kField), 0, 0, "addr"},
    {"get_host", row(Change::kField), 0, 0, "domain"},
    {"host", row(Change::kField), 0, 0, "domain"},
    {"user", row(Change::kField), 0, 0, "user"},
    {"get_user", row(Change::kField), 0, 0, "user"},
    {"name", row(Change::kField), 0, 0, "name"},
    {"get_path", row(Change::kField), 0, 0, "path"},
    {"path", row(Change::kField), 0, 0, "path"},
    {"get_query", row(Change::kField), 0, 0, "query"},
    {"get_text", row(Change::kField), 0, 0, "addr"},
    {"tld", row(Change::kField), 0, 0, "tld"},
    {"get_tld", row(Change::kOrganisation), 0, 0},
    {"apply_methods", row(Change::kFields), 1, 8},
    {"lower", row(Change::kLower), 0, 0},
    {"lower_utf8", row(Change::kLower), 0, 0},
    {"first", row(Change::kFirst), 0, 0},
    {"last", row(Change::kLast), 0, 0},
    {"nth", row(Change::kNth), 1, 1},
    {"take_n", row(Change::kTakeN), 1, 1},
    {"drop_n", row(Change::kDropN), 1, 1},
    {"join", row(Change::kJoin), 0, 1},
    {"join_tables", row(Change::kJoinFields), 0, 1},
    {"sort", row(Change::kSort), 0, 0},
    {"uniq", row(Change::kUniq), 0, 0},
    {"digest", row(Change::kDigest), 0, 2},
    {"substring", row(Change::kSubstring), 1, 2},
    {"prepend", row(Change::kPrepend), 1, 8},
    {"append", row(Change::kAppend), 1, 8},
    {"regexp", row(Change::kRegexp), 1, 1},
    {"match", row(Change::kRegexp), 1, 1},
    {"filter_map", row(Change::kFilterMap), 1, 1},
    {"except_map", row(Change::kExceptMap), 1, 1},
    {"apply_map", row(Change::kApplyMap), 1, 1},
    {"equal", row(Change::kEqual), 1, 1},
    {"in", row(Change::kIn), 1, 16},
    {"not_in", row(Change::kNotIn), 1, 16},
    {"inverse", row(Change::kInverse), 0, 1},
    {"id", row(Change::kId), 0, 8},
    {"ipmask", row(Change::kIpMask), 1, 2},
};

constexpr char kFieldBreak = '\x1f';  // between the fields of one value

const Row* find_row(std::span<const Row> rows, std::string_view name) {
  for (const Row& one : rows)
    if (one.name == name) return &one;
  return nullptr;
}

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

std::optional<int64_t> whole(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

char lower_letter(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

}  // namespace

class SelectorParser {
 public:
  SelectorParser(std::string_view text, HeaderNames& headers, const Selector::MapOf& map_of)
      : text_(text), headers_(headers), map_of_(map_of) {}

  Result<Selector> run() {
    Selector out;
    do {
      if (out.pipelines_.size() == Selector::kPipelinesMax) return broken("too many pipelines");
      Result<Selector::Pipeline> one = pipeline();
      if (!one) return fail(one.error());
      out.pipelines_.push_back(std::move(*one));
    } while (take(';') && !end());
    if (!end()) return broken(fmt::format("'{}' is not expected here", text_[at_]));
    return out;
  }

 private:
  bool end() {
    blanks();
    return at_ == text_.size();
  }
  void blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n'))
      ++at_;
  }
  bool take(char c) {
    if (end() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  tl::unexpected<Error> broken(std::string what) {
    return fail(Error{.what = std::move(what), .column = static_cast<unsigned>(at_ + 1)});
  }

  Result<Selector::Pipeline> pipeline() {
    Selector::Pipeline out;
    do {
      if (out.size() == Selector::kStepsMax) return broken("too many steps");
      Result<Selector::Step> one = step(out.empty());
      if (!one) return fail(one.error());
      out.push_back(std::move(*one));
    } while (take(':') || take('.'));
    return out;
  }

  Result<Selector::Step> step(bool first) {
    if (end()) return broken("a name is missing");
    const size_t begin = at_;
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    const std::string_view name = text_.substr(begin, at_ - begin);
    if (name.empty()) return broken(fmt::format("'{}' begins no name", text_[at_]));
    const Row* const found = first ? find_row(kTakes, name) : find_row(kChanges, name);
    Selector::Step out;
    if (take('(')) {
      if (Result<void> read = arguments(out.arguments); !read) return fail(read.error());
    }
    at_ = found ? at_ : begin;
    if (!found)
      return broken(fmt::format("'{}' is no {} that is known here", name,
                                first ? "part of a message" : "change of values"));
    if (out.arguments.size() < found->least || out.arguments.size() > found->most)
      return broken(fmt::format("'{}' takes {} to {} arguments", name, found->least, found->most));
    if (!found->before.empty())
      out.arguments.insert(out.arguments.begin(), std::string(found->before));
    out.kind = found->kind;
    if (Result<void> read = first ? complete_take(out) : complete_change(out); !read)
      return fail(read.error());
    return out;
  }

  Result<void> arguments(std::vector<std::string>& out) {
    constexpr size_t kArgumentsMax = 16;
    if (take(')')) return {};
    do {
      if (end() || out.size() == kArgumentsMax) return broken("an argument does not end");
      const size_t begin = at_;
      const char open = text_[at_];
      const char close = open == '{' ? '}' : open;
      if (open == '\'' || open == '"' || open == '{' || open == '/') {
        for (++at_; at_ < text_.size() && text_[at_] != close; ++at_)
          if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
        if (at_ == text_.size()) return broken("an argument does not end");
        ++at_;
        const bool quoted = open == '\'' || open == '"';
        while (open == '/' && at_ < text_.size() && is_word(text_[at_])) ++at_;
        out.emplace_back(quoted ? text_.substr(begin + 1, at_ - begin - 2)
                                : text_.substr(begin, at_ - begin));
      } else {
        while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != ')') ++at_;
        std::string_view bare = text_.substr(begin, at_ - begin);
        while (bare.ends_with(' ')) bare.remove_suffix(1);
        out.emplace_back(bare);
      }
    } while (take(','));
    if (!take(')')) return broken("')' is missing");
    return {};
  }

  Result<void> complete_take(Selector::Step& step) {
    switch (static_cast<Take>(step.kind)) {
      case Take::kHeader:
        step.header = headers_.add(step.arguments[0]);
        return {};
      case Take::kMapUrls:
        return map(step);
      default:
        return {};
    }
  }

  Result<void> map(Selector::Step& step) {
    step.map = map_of_ ? map_of_(step.arguments[0]) : nullptr;
    if (!step.map) return broken(fmt::format("there is no map '{}'", step.arguments[0]));
    for (const MapPattern& one : step.map->patterns()) {
      Result<Regex> made = Regex::compile(one.regex, one.flags);
      if (!made)
        return broken(
            fmt::format("line {} of map '{}': {}", one.line, step.arguments[0], made.error().what));
      made->jit();
      step.patterns.push_back(std::move(*made));
    }
    return {};
  }

  Result<void> complete_change(Selector::Step& step) {
    switch (static_cast<Change>(step.kind)) {
      case Change::kFilterMap:
      case Change::kExceptMap:
      case Change::kApplyMap:
        return map(step);
      case Change::kNth:
      case Change::kTakeN:
      case Change::kDropN:
      case Change::kSubstring:
      case Change::kIpMask:
        for (const std::string& one : step.arguments)
          if (!whole(one)) return broken(fmt::format("'{}' is no whole number", one));
        return {};
      case Change::kDigest:
        if ((step.arguments.size() > 0 && !digest_form(step.arguments[0])) ||
            (step.arguments.size() > 1 && !digest_kind(step.arguments[1])))
          return broken(
              "digest(hex | base32 | base64, md5 | sha1 | sha256 | sha384 | sha512 | "
              "blake2)");
        return {};
      case Change::kRegexp:
        return regex(step);
      default:
        return {};
    }
  }

  Result<void> regex(Selector::Step& step) {
    std::string_view text = step.arguments[0];
    uint32_t flags = 0;
    if (const size_t close = text.rfind('/'); text.starts_with('/') && close > 0) {
      for (const char c : text.substr(close + 1))
        flags |= c == 'i'   ? bit(PatternFlag::kIgnoreCase)
                 : c == 's' ? bit(PatternFlag::kDotAll)
                            : 0;
      text = text.substr(1, close - 1);
    }
    Result<Regex> made = Regex::compile(text, flags);
    if (!made) return broken(made.error().what);
    made->jit();
    step.regex = std::move(*made);
    return {};
  }

  std::string_view text_;
  HeaderNames& headers_;
  const Selector::MapOf& map_of_;
  size_t at_ = 0;
};

// A value while it is on its way: what it is a part of is known until a change takes a field.
class SelectorRun {
 public:
  SelectorRun(const Batch& batch, uint32_t row, Arena& arena)
      : batch_(batch), row_(row), arena_(arena) {}

  void run(const Selector::Pipeline& pipeline, std::vector<std::string_view>& out) {
    values_.clear();
    take(pipeline[0]);
    for (size_t i = 1; i < pipeline.size() && !values_.empty(); ++i) change(pipeline[i]);
    for (const Value& one : values_)
      if (!one.text.empty() && out.size() < Selector::kValuesMax) out.push_back(one.text);
  }

 private:
  struct Value {
    std::string_view text;
    Address address = {};
    const Url* url = nullptr;
    const Email* email = nullptr;
  };

  void give(std::string_view text) {
    if (!text.empty() && values_.size() < Selector::kValuesMax) values_.push_back({.text = text});
  }
  void give(const Address& address) {
    if (!address.address.empty() && values_.size() < Selector::kValuesMax)
      values_.push_back({.text = address.address, .address = address});
  }
  void give_ip(const IpAddress& ip) {
    if (ip.valid()) give(format_ip(ip, arena_));
  }
  void number(int64_t value) { give(arena_.copy(fmt::format("{}", value))); }

  static bool wants(const Selector::Step& step, std::string_view which) {
    return std::ranges::find(step.arguments, which) != step.arguments.end();
  }

  void take_from(const Selector::Step& step) {
    const Envelope& envelope = batch_.envelopes[row_];
    const bool mime = wants(step, "mime");
    if (!mime && !envelope.from.empty()) return give(parse_one_address(envelope.from, arena_));
    if (wants(step, "smtp")) return;
    for (const Address& one : batch_.addresses.row(row_))
      if (one.field == AddressField::kFrom) give(one);
  }

  void take_rcpts(const Selector::Step& step) {
    const bool mime = wants(step, "mime");
    if (!mime)
      for (const std::string_view one : batch_.recipients.row(row_))
        give(parse_one_address(one, arena_));
    if (!values_.empty() || wants(step, "smtp")) return;
    for (const Address& one : batch_.addresses.row(row_))
      if (one.field == AddressField::kTo || one.field == AddressField::kCc ||
          one.field == AddressField::kBcc)
        give(one);
  }

  static bool is_page(const Url& url) {
    return url.scheme == UrlScheme::kHttp || url.scheme == UrlScheme::kHttps ||
           url.scheme == UrlScheme::kFtp;
  }

  // By its host or organisational domain; patterns look at the whole URL.
  bool is_listed(const Selector::Step& step, const Url& url) {
    if (has_patterns(step.map->kind())) return found(step, url.normal) != kNoIndex;
    return found(step, url.host) != kNoIndex || found(step, url.domain) != kNoIndex;
  }

  void take_urls(const Selector::Step& step) {
    for (const Url& one : batch_.urls.row(row_)) {
      if (!is_page(one) || values_.size() == Selector::kValuesMax) continue;
      if (step.map && !is_listed(step, one)) continue;
      values_.push_back({.text = one.normal, .url = &one});
    }
  }

  void take_received(std::string_view field) {
    for (const Received& hop : batch_.received.row(row_)) {
      if (field == "by_hostname")
        give(hop.by_hostname);
      else if (field == "from_hostname")
        give(hop.from_hostname);
      else if (field == "real_hostname")
        give(hop.real_hostname);
      else if (field == "from_ip")
        give_ip(hop.from_ip);
      else if (field == "proto")
        give(hop.protocol);
      else if (field == "for")
        give(hop.for_address);
      else
        give_ip(hop.real_ip);
    }
  }

  void take(const Selector::Step& step) {
    const Envelope& envelope = batch_.envelopes[row_];
    const Facts& facts = batch_.facts[row_];
    switch (static_cast<Take>(step.kind)) {
      case Take::kConstant:
        for (const std::string& one : step.arguments) give(one);
        return;
      case Take::kIp:
        return give_ip(envelope.ip);
      case Take::kFrom:
        return take_from(step);
      case Take::kRcpts:
        return take_rcpts(step);
      case Take::kTo:
        take_rcpts(step);
        if (values_.size() > 1) values_.resize(1);
        return;
      case Take::kUser:
        return give(envelope.user);
      case Take::kHelo:
        return give(envelope.helo);
      case Take::kHostname:
        return give(envelope.hostname);
      case Take::kHeader:
        for (const Header& one : batch_.headers.row(row_).first(facts.root_headers)) {
          if (one.id != step.header) continue;
          give(one.decoded);
          if (!wants(step, "full")) return;
        }
        return;
      case Take::kUrls:
      case Take::kMapUrls:
        return take_urls(step);
      case Take::kEmails:
        for (const Email& one : batch_.emails.row(row_))
          if (values_.size() < Selector::kValuesMax)
            values_.push_back({.text = one.address, .email = &one});
        return;
      case Take::kMessageId:
        return give(facts.message_id_value);
      case Take::kQueueId:
        return give(envelope.queue_id);
      case Take::kFiles:
        for (const Part& one : batch_.parts.row(row_)) give(one.filename);
        return;
      case Take::kReceived:
        return take_received(step.arguments[0]);
      case Take::kReceivedCount:
        return number(static_cast<int64_t>(batch_.received.row(row_).size()));
      case Take::kAuthenticated:
        return give(envelope.user.empty() ? "" : "auth");
      case Take::kLanguages:
        for (const Text& one : batch_.texts.row(row_)) give(one.language);
        return;
    }
  }

  std::string_view organisation(std::string_view host) {
    if (host.empty() || parse_ip(host)) return host;
    return find_suffix(lower(host)).domain;
  }

  std::string_view field(const Value& value, std::string_view name) {
    const bool is_domain = name == "domain" || name == "get_host" || name == "host";
    const bool is_user = name == "user" || name == "get_user";
    const bool is_tld = name == "tld" || name == "get_tld";
    if (value.url) {
      const Url& url = *value.url;
      if (is_domain) return url.host;
      if (is_tld) return url.domain;
      if (is_user) return url.user;
      if (name == "path" || name == "get_path") return url.path;
      if (name == "query" || name == "get_query") return url.query;
      return url.normal;
    }
    if (value.email) {
      if (is_domain) return value.email->host;
      if (is_tld) return value.email->domain;
      return is_user ? value.email->user : value.email->address;
    }
    if (is_tld)
      return organisation(value.address.domain.empty() ? value.text : value.address.domain);
    if (is_domain) return value.address.domain;
    if (is_user) return value.address.local;
    if (name == "name") return value.address.name;
    return value.address.address.empty() ? value.text : value.address.address;
  }

  std::string_view lower(std::string_view text) {
    char* const to = arena_.alloc_bytes(text.size());
    std::ranges::transform(text, to, lower_letter);
    return {to, text.size()};
  }

  template <class F>
  void each(F f) {
    for (Value& one : values_) one = {.text = f(one)};
  }
  template <class F>
  void keep(F f) {
    std::erase_if(values_, [&](const Value& one) { return !f(one); });
  }
  void only(size_t begin, size_t count) {
    begin = std::min(begin, values_.size());
    count = std::min(count, values_.size() - begin);
    values_ = std::vector<Value>(values_.begin() + static_cast<ptrdiff_t>(begin),
                                 values_.begin() + static_cast<ptrdiff_t>(begin + count));
  }
  static size_t count_of(const Selector::Step& step) {
    return static_cast<size_t>(std::max<int64_t>(0, *whole(step.arguments[0])));
  }

  std::string_view joined(std::string_view between) {
    ArenaText out(arena_);
    for (size_t i = 0; i < values_.size(); ++i) {
      if (i > 0) out.append(between);
      out.append(values_[i].text);
    }
    return out.finish();
  }

  std::string_view substring(const Selector::Step& step, std::string_view text) {
    const auto size = static_cast<int64_t>(text.size());
    const auto position = [&](size_t argument, int64_t other) {
      const int64_t given =
          argument < step.arguments.size() ? *whole(step.arguments[argument]) : other;
      return given < 0 ? std::max<int64_t>(1, size + given + 1) : given;
    };
    const int64_t begin = std::max<int64_t>(1, position(0, 1)),
                  end = std::min(size, position(1, -1));
    if (begin > end) return {};
    return text.substr(static_cast<size_t>(begin - 1), static_cast<size_t>(end - begin + 1));
  }

  std::string_view masked(const Selector::Step& step, std::string_view text) {
    const std::optional<IpAddress> ip = parse_ip(text);
    if (!ip) return {};
    const size_t which = ip->family == 6 && step.arguments.size() > 1 ? 1 : 0;
    const int64_t bits =
        std::clamp<int64_t>(*whole(step.arguments[which]), 0, ip->family == 4 ? 32 : 128);
    IpAddress out = *ip;
    const size_t first = ip->family == 4 ? 96 : 0;
    for (size_t bit = first + static_cast<size_t>(bits); bit < 128; ++bit)
      out.bytes[bit / 8] &= static_cast<uint8_t>(~(0x80u >> bit % 8));
    return format_ip(out, arena_);
  }

  // Number of the map's value for a text.
  uint32_t found(const Selector::Step& step, std::string_view text) {
    if (has_patterns(step.map->kind())) {
      thread_local RegexScratch scratch;
      for (size_t i = 0; i < step.patterns.size(); ++i)
        if (step.patterns[i].find_in_bytes(scratch, text) == Find::kFound)
          return step.map->patterns()[i].value;
      return kNoIndex;
    }
    if (step.map->kind() != MapKind::kIp) return step.map->find(text);
    const std::optional<IpAddress> ip = parse_ip(text);
    return ip ? step.map->find(*ip) : kNoIndex;
  }

  void change(const Selector::Step& step) {
    const std::vector<std::string>& arguments = step.arguments;
    const auto argument = [&](size_t i, std::string_view other) {
      return i < arguments.size() ? std::string_view(arguments[i]) : other;
    };
    switch (static_cast<Change>(step.kind)) {
      case Change::kField:
        each([&](const Value& one) { return field(one, arguments[0]); });
        return keep([](const Value& one) { return !one.text.empty(); });
      case Change::kOrganisation:
        return each([&](const Value& one) { return field(one, "tld"); });
      case Change::kFields:
        return each([&](const Value& one) {
          ArenaText out(arena_);
          for (size_t i = 0; i < arguments.size(); ++i) {
            if (i > 0) out.push(kFieldBreak);
            out.append(field(one, arguments[i]));
          }
          return out.finish();
        });
      case Change::kJoinFields:
        return each([&](const Value& one) {
          ArenaText out(arena_);
          for (const char c : one.text) {
            if (c == kFieldBreak)
              out.append(argument(0, ""));
            else
              out.push(c);
          }
          return out.finish();
        });
      case Change::kLower:
        return each([&](const Value& one) { return lower(one.text); });
      case Change::kFirst:
        return only(0, 1);
      case Change::kLast:
        return only(values_.size() - 1, 1);
      case Change::kNth:
        return only(count_of(step) - 1, 1);
      case Change::kTakeN:
        return only(0, count_of(step));
      case Change::kDropN:
        return only(count_of(step), values_.size());
      case Change::kJoin: {
        const std::string_view all = joined(argument(0, ""));
        values_.assign(1, {.text = all});
        return;
      }
      case Change::kSort:
        std::ranges::stable_sort(values_, {}, &Value::text);
        return;
      case Change::kUniq:
        for (size_t i = 0; i < values_.size(); ++i)
          values_.erase(
              std::remove_if(values_.begin() + static_cast<ptrdiff_t>(i) + 1, values_.end(),
                             [&](const Value& one) { return one.text == values_[i].text; }),
              values_.end());
        return;
      case Change::kDigest:
        return each([&](const Value& one) {
          const Digest made(*digest_kind(argument(1, "blake2")), one.text);
          return arena_.copy(write_digest(made.view(), *digest_form(argument(0, "hex"))));
        });
      case Change::kSubstring:
        each([&](const Value& one) { return substring(step, one.text); });
        return keep([](const Value& one) { return !one.text.empty(); });
      case Change::kPrepend:
      case Change::kAppend: {
        std::string all;
        for (const std::string& one : arguments) all += one;
        const bool before = static_cast<Change>(step.kind) == Change::kPrepend;
        return each([&](const Value& one) {
          return arena_.copy(before ? all + std::string(one.text) : std::string(one.text) + all);
        });
      }
      case Change::kRegexp:
        each([&](const Value& one) {
          thread_local RegexScratch scratch;
          RegexMatch place;
          if (step.regex.find_in_bytes(scratch, one.text, &place) != Find::kFound)
            return std::string_view{};
          return one.text.substr(place.begin, place.end - place.begin);
        });
        return keep([](const Value& one) { return !one.text.empty(); });
      case Change::kFilterMap:
        return keep([&](const Value& one) { return found(step, one.text) != kNoIndex; });
      case Change::kExceptMap:
        return keep([&](const Value& one) { return found(step, one.text) == kNoIndex; });
      case Change::kApplyMap:
        keep([&](const Value& one) { return found(step, one.text) != kNoIndex; });
        return each([&](const Value& one) { return step.map->value(found(step, one.text)); });
      case Change::kEqual:
        return keep([&](const Value& one) { return one.text == arguments[0]; });
      case Change::kIn:
        return keep([&](const Value& one) { return wants(step, one.text); });
      case Change::kNotIn:
        return keep([&](const Value& one) { return !wants(step, one.text); });
      case Change::kInverse:
        values_.clear();
        return;
      case Change::kId:
        return values_.assign(1, {.text = argument(0, "true")});
      case Change::kIpMask:
        each([&](const Value& one) { return masked(step, one.text); });
        return keep([](const Value& one) { return !one.text.empty(); });
    }
  }

  const Batch& batch_;
  const uint32_t row_;
  Arena& arena_;
  std::vector<Value> values_;
};

Result<Selector> Selector::parse(std::string_view text, HeaderNames& headers, const MapOf& map_of) {
  return SelectorParser(text, headers, map_of).run();
}

void Selector::values(const Batch& batch, uint32_t row, Arena& arena,
                      std::vector<std::string_view>& out) const {
  SelectorRun run(batch, row, arena);
  for (const Pipeline& one : pipelines_) run.run(one, out);
}

void Selector::joined(const Batch& batch, uint32_t row, Arena& arena, std::string_view delimiter,
                      std::vector<std::string_view>& out) const {
  if (pipelines_.size() == 1) return values(batch, row, arena, out);
  std::vector<std::vector<std::string_view>> columns;
  SelectorRun run(batch, row, arena);
  size_t count = 0;
  for (const Pipeline& one : pipelines_) {
    std::vector<std::string_view> column;
    run.run(one, column);
    if (column.empty()) return;
    if (column.size() > 1) count = count == 0 ? column.size() : std::min(count, column.size());
    columns.push_back(std::move(column));
  }
  for (size_t i = 0; i < std::max<size_t>(count, 1); ++i) {
    ArenaText text(arena);
    for (size_t c = 0; c < columns.size(); ++c) {
      if (c > 0) text.append(delimiter);
      text.append(columns[c][columns[c].size() == 1 ? 0 : i]);
    }
    out.push_back(text.finish());
  }
}

}  // namespace winnow
