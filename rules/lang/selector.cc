#include "rules/lang/selector.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "engine/ascii.h"
#include "engine/crypt/digest.h"
#include "engine/crypt/hex_text.h"
#include "engine/match/scope_texts.h"
#include "engine/mime/addresses.h"
#include "engine/mime/date.h"
#include "engine/mime/ip.h"
#include "engine/url/decoded.h"
#include "engine/url/suffix.h"
#include "rules/lang/selector_steps.h"
#include "rules/lang/session_name.h"
#include "rules/maps/map.h"

namespace winnow {

using namespace selector_steps;

namespace {

constexpr char kFieldBreak = '\x1f';  // between the fields of one value

}  // namespace

// A value while it is on its way: what it is a part of is known until a change takes a field.
class SelectorRun {
 public:
  SelectorRun(const Batch& batch, uint32_t row, Arena& arena)
      : batch_(batch), row_(row), arena_(arena), begin_(arena.used_bytes()) {}

  // `beside`: the values stand beside those of others, where a null sender is an empty one.
  void run(const Selector::Pipeline& pipeline, std::vector<std::string_view>& out,
           bool beside = false) {
    values_.clear();
    take(pipeline[0]);
    for (size_t i = 1; i < pipeline.size() && !values_.empty(); ++i) change(pipeline[i]);
    for (const Value& one : values_)
      if ((!one.text.empty() || (beside && one.null_sender)) && out.size() < Selector::kValuesMax)
        out.push_back(one.text);
  }
  // Nothing more may be made of this message.
  bool full() const { return arena_.used_bytes() - begin_ > Selector::kBytesMax; }

 private:
  struct Value {
    std::string_view text;
    Address address = {};
    const Url* url = nullptr;
    const Email* email = nullptr;
    const Received* hop = nullptr;
    bool null_sender = false;
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
    if (wants(step, "smtp")) {
      if (envelope.from_known) values_.push_back({.text = {}, .null_sender = true});
      return;
    }
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

  // By its host or organisational domain; patterns look at the whole URL, as it is read and in its
  // normal form.
  bool is_listed(const Selector::Step& step, const Url& url) {
    if (has_patterns(step.map->kind())) {
      thread_local std::vector<char> room;
      const std::string_view read = decoded_url(url.normal, room);
      return found(step, read) != kNoIndex ||
             (read.data() != url.normal.data() && found(step, url.normal) != kNoIndex);
    }
    return found(step, url.host) != kNoIndex || found(step, url.domain) != kNoIndex;
  }

  void take_urls(const Selector::Step& step) {
    for (const Url& one : batch_.urls.row(row_)) {
      if (values_.size() == Selector::kValuesMax || full()) return;
      if (!is_page(one)) continue;
      if (step.map && !is_listed(step, one)) continue;
      values_.push_back({.text = decoded_url(one.normal, arena_), .url = &one});
    }
  }

  std::string_view hop_field(const Received& hop, std::string_view field) {
    if (field == "by_hostname") return hop.by_hostname;
    if (field == "from_hostname") return hop.from_hostname;
    if (field == "real_hostname") return hop.real_hostname;
    if (field == "proto") return hop.protocol;
    if (field == "for") return hop.for_address;
    const IpAddress& ip = field == "from_ip" ? hop.from_ip : hop.real_ip;
    return ip.valid() ? format_ip(ip, arena_) : std::string_view{};
  }

  void take_received(const Selector::Step& step) {
    const std::string_view field =
        step.arguments.empty() ? std::string_view("real_ip") : step.arguments[0];
    for (const Received& hop : batch_.received.row(row_))
      if (const std::string_view text = hop_field(hop, field);
          (!text.empty() || step.arguments.empty()) && values_.size() < Selector::kValuesMax)
        values_.push_back({.text = text, .hop = &hop});
  }

  void take_attachments(const Selector::Step& step) {
    const DigestForm form = *digest_form(step.arguments.empty() ? "hex" : step.arguments[0]);
    const DigestKind kind = *digest_kind(step.arguments.size() < 2 ? "blake2" : step.arguments[1]);
    for (const Part& part : batch_.parts.row(row_))
      if (part.flags & static_cast<uint16_t>(PartFlag::kAttachment))
        give(arena_.copy(write_digest(Digest(kind, part.decoded).view(), form)));
  }

  // Of the Date header or, with 'connect', of the session; Unix seconds, or as strftime's % letters
  // say, always in UTC.
  void take_time(const Selector::Step& step) {
    int64_t seconds = batch_.envelopes[row_].now_ms / 1000;
    if (!wants(step, "connect") && batch_.facts[row_].date != 0) seconds = batch_.facts[row_].date;
    if (step.arguments.size() < 2) return number(seconds);
    int64_t day = seconds / 86'400 - (seconds % 86'400 < 0);
    const int64_t second = seconds - day * 86'400;
    int64_t year = 1970 + day / 366;  // never later than the right one
    while (days_from_civil(year + 1, 1, 1) <= day) ++year;
    while (days_from_civil(year, 1, 1) > day) --year;
    unsigned month = 1;
    while (month < 12 && days_from_civil(year, month + 1, 1) <= day) ++month;
    std::string out;
    const std::string_view form = step.arguments[1];
    for (size_t i = 0; i < form.size(); ++i) {
      const char letter = form[i] == '%' && i + 1 < form.size() ? form[++i] : '\0';
      if (letter == 'Y')
        out += fmt::format("{}", year);
      else if (letter == 'm')
        out += fmt::format("{:02}", month);
      else if (letter == 'd')
        out += fmt::format("{:02}", day - days_from_civil(year, month, 1) + 1);
      else if (letter == 'j')
        out += fmt::format("{:03}", day - days_from_civil(year, 1, 1) + 1);
      else if (letter == 'H')
        out += fmt::format("{:02}", second / 3600);
      else if (letter == 'M')
        out += fmt::format("{:02}", second / 60 % 60);
      else if (letter == 'S')
        out += fmt::format("{:02}", second % 60);
      else if (letter == 's')
        out += fmt::format("{}", seconds);
      else if (letter == 'w')
        out += fmt::format("{}", ((day + 4) % 7 + 7) % 7);
      else if (letter != '\0')
        out += letter;
      else if (form[i] != '!' || i > 0)
        out += form[i];
    }
    give(arena_.copy(out));
  }

  void take_words(const Selector::Step& step) {
    const ScopeKind scope = wants(step, "raw") ? ScopeKind::kRawWord : ScopeKind::kWord;
    each_word_of_texts(scope, batch_, row_, [&](uint32_t, std::string_view text) { give(text); });
  }

  // What the session said of the message, by the names of HTTP's headers.
  void take_request(std::string_view name) {
    const Envelope& envelope = batch_.envelopes[row_];
    const std::string_view which = lower(name);
    if (which == "user") return give(envelope.user);
    if (which == "helo") return give(envelope.helo);
    if (which == "hostname") return give(session_hostname(batch_, row_));
    if (which == "from") return give(envelope.from);
    if (which == "queue-id") return give(envelope.queue_id);
    if (which == "mta-name") return give(envelope.mta_name);
    if (which == "rcpt") {
      const std::span<const std::string_view> all = batch_.recipients.row(row_);
      return all.empty() ? void() : give(all[0]);
    }
    if (which == "ip") return give_ip(envelope.ip);
    for (const RequestHeader& header : batch_.request_headers.row(row_))
      if (header.name == which) return give(header.value);
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
        return give(session_hostname(batch_, row_));
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
        return take_received(step);
      case Take::kAttachments:
        return take_attachments(step);
      case Take::kDigest: {
        std::string hex;
        if (std::ranges::all_of(facts.digest, [](uint8_t byte) { return byte == 0; })) return;
        append_hex(facts.digest, hex);
        return give(arena_.copy(hex));
      }
      case Take::kTime:
        return take_time(step);
      case Take::kWords:
        return take_words(step);
      case Take::kRequestHeader:
        return take_request(step.arguments[0]);
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
    if (value.hop) return hop_field(*value.hop, name);
    if (value.url) {
      const Url& url = *value.url;
      if (is_domain) return url.host;
      if (is_tld) return url.domain;
      if (is_user) return url.user;
      if (name == "path" || name == "get_path") return decoded_url(url.path, arena_);
      if (name == "query" || name == "get_query") return decoded_url(url.query, arena_);
      return value.text;
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

  // All of them first, as a field may be text that is made: while one text is open no other begins.
  std::string_view fields(const Value& value, const std::vector<std::string>& names) {
    std::array<std::string_view, kFieldsMax> found;
    for (size_t i = 0; i < names.size(); ++i) found[i] = field(value, names[i]);
    ArenaText out(arena_);
    for (size_t i = 0; i < names.size(); ++i) {
      if (i > 0) out.push(kFieldBreak);
      out.append(found[i]);
    }
    return out.finish();
  }

  std::string_view lower(std::string_view text) { return lowered_copy(text, arena_); }

  template <class F>
  void each(F f) {
    size_t made = 0;
    for (; made < values_.size() && !full(); ++made)
      values_[made] = {.text = f(values_[made]), .null_sender = values_[made].null_sender};
    values_.resize(made);
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

  // Every place where the pattern matches is a value; groups inside it are not.
  void every_match(const Selector::Step& step) {
    thread_local RegexScratch scratch;
    const std::vector<Value> before = std::move(values_);
    values_.clear();
    for (const Value& one : before) {
      RegexMatch place;
      // The first look has shown that the text is one the pattern can read.
      Find found = step.regex.find_in_bytes(scratch, one.text, &place);
      while (found == Find::kFound && values_.size() < Selector::kValuesMax) {
        give(one.text.substr(place.begin, place.end - place.begin));
        const size_t from = std::max(place.end, place.begin + 1);
        if (from >= one.text.size()) break;
        found = step.regex.find(scratch, one.text, from, &place);
      }
    }
  }

  void change(const Selector::Step& step) {
    const std::vector<std::string>& arguments = step.arguments;
    const auto argument = [&](size_t i, std::string_view other) {
      return i < arguments.size() ? std::string_view(arguments[i]) : other;
    };
    switch (static_cast<Change>(step.kind)) {
      case Change::kField:
        each([&](const Value& one) { return field(one, arguments[0]); });
        return keep([](const Value& one) { return !one.text.empty() || one.null_sender; });
      case Change::kOrganisation:
        return each([&](const Value& one) { return field(one, "tld"); });
      case Change::kFields:
        return each([&](const Value& one) { return fields(one, arguments); });
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
        return every_match(step);
      case Change::kSame:
        return;
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
  const size_t begin_;
  std::vector<Value> values_;
};

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
    run.run(one, column, true);
    if (column.empty()) return;
    if (column.size() > 1) count = count == 0 ? column.size() : std::min(count, column.size());
    columns.push_back(std::move(column));
  }
  for (size_t i = 0; i < std::max<size_t>(count, 1) && !run.full(); ++i) {
    ArenaText text(arena);
    for (size_t c = 0; c < columns.size(); ++c) {
      if (c > 0) text.append(delimiter);
      text.append(columns[c][columns[c].size() == 1 ? 0 : i]);
    }
    out.push_back(text.finish());
  }
}

}  // namespace winnow
