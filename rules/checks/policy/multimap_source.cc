#include "rules/checks/policy/multimap_source.h"

#include <algorithm>

#include "engine/match/scope_texts.h"
#include "engine/mime/addresses.h"
#include "engine/mime/ip.h"
#include "engine/url/decoded.h"
#include "engine/url/suffix.h"
#include "rules/checks/row.h"
#include "rules/checks/text.h"
#include "rules/lang/session_name.h"

namespace winnow {

namespace {

// Organisational domain of a host's name in any case.
std::string_view organisation(std::string_view host, Arena& arena) {
  if (host.empty() || parse_ip(host)) return host;
  return find_suffix(lowered(host, arena)).domain;
}

std::string_view last_label(std::string_view host) {
  while (host.ends_with('.')) host.remove_suffix(1);
  return host.substr(host.rfind('.') + 1);
}

constexpr bool is_lower(char c) { return c >= 'a' && c <= 'z'; }

std::string_view url_part(const Url& url, std::string_view name) {
  if (name == "host") return url.host;
  if (name == "tld") return url.domain;
  if (name == "path") return url.path;
  if (name == "query") return url.query;
  if (name == "fragment") return url.fragment;
  if (name == "user") return url.user;
  return name == "url" ? url.normal : std::string_view{};
}

// Walks the values of one row.
class Values {
 public:
  Values(const MultimapSource& source, Batch& batch, uint32_t row,
         const std::function<void(std::string_view)>& f)
      : source_(source), batch_(batch), row_(row), f_(f) {}

  void run() {
    const Envelope& envelope = batch_.envelopes[row_];
    switch (source_.type) {
      case MultimapType::kFrom:
        return from();
      case MultimapType::kRcpt:
        return rcpt();
      case MultimapType::kHeader:
        return header();
      case MultimapType::kIp:
        return give_ip(envelope.ip);
      case MultimapType::kHelo:
        return host(envelope.helo);
      case MultimapType::kHostname:
        return host(session_hostname(batch_, row_));
      case MultimapType::kUser:
        return filtered(envelope.user);
      case MultimapType::kUrl:
        return url();
      case MultimapType::kFilename:
        return filename();
      case MultimapType::kContent:
        return content();
      case MultimapType::kReceived:
        return received();
      case MultimapType::kSelector:
        return selector();
      case MultimapType::kOptions:
      case MultimapType::kDnsbl:
      case MultimapType::kCombined:
        return;
    }
  }

 private:
  void give(std::string_view value) {
    if (!value.empty()) f_(value);
  }
  void give_ip(const IpAddress& ip) {
    if (ip.valid()) give(format_ip(ip, batch_.arena));
  }
  // As it is read, and with the escapes of its normal form.
  void give_forms(std::string_view text) {
    const std::string_view read = decoded_url(text, batch_.arena);
    give(read);
    if (read != text) give(text);
  }
  // What the filter's pattern finds first.
  void found(std::string_view text) { give(filtered_text(source_, text)); }
  void filtered(std::string_view text) { found(text); }

  void email(const Address& address) {
    switch (source_.filter) {
      case MultimapFilter::kNone:
        // Rspamd looks up the address, then its domain, then its user.
        give(address.address);
        give(address.domain);
        return give(address.local);
      case MultimapFilter::kEmailAddress:
        return give(address.address);
      case MultimapFilter::kEmailUser:
        return give(address.local);
      case MultimapFilter::kEmailDomain:
        return give(address.domain);
      case MultimapFilter::kEmailDomainTld:
        return give(organisation(address.domain, batch_.arena));
      case MultimapFilter::kEmailName:
        return give(address.name);
      default:
        return found(address.address);
    }
  }

  void mime_addresses(std::initializer_list<AddressField> fields) {
    for (const Address& address : batch_.addresses.row(row_))
      if (std::ranges::find(fields, address.field) != fields.end()) email(address);
  }

  void from() {
    const Envelope& envelope = batch_.envelopes[row_];
    const bool smtp = envelope.from_known && !envelope.from.empty();
    const ExtractFrom extract = source_.extract;
    if (smtp && extract != ExtractFrom::kMime)
      email(parse_one_address(envelope.from, batch_.arena));
    if (extract == ExtractFrom::kMime || extract == ExtractFrom::kBoth ||
        (extract == ExtractFrom::kDefault && !envelope.from_known))
      mime_addresses({AddressField::kFrom});
  }

  void rcpt() {
    const std::span<const std::string_view> recipients = batch_.recipients.row(row_);
    const ExtractFrom extract = source_.extract;
    if (extract != ExtractFrom::kMime)
      for (const std::string_view one : recipients) email(parse_one_address(one, batch_.arena));
    if (extract == ExtractFrom::kMime || extract == ExtractFrom::kBoth ||
        (extract == ExtractFrom::kDefault && recipients.empty()))
      mime_addresses({AddressField::kTo, AddressField::kCc, AddressField::kBcc});
  }

  void header() {
    const std::span<const Header> own = own_headers(batch_, row_);
    for (uint32_t i = 0; i < own.size(); ++i) {
      if (std::ranges::find(source_.headers, own[i].id) == source_.headers.end()) continue;
      const std::string_view text = own[i].decoded;
      if (source_.filter == MultimapFilter::kNone || source_.filter == MultimapFilter::kIpAddress)
        give(text);
      else if (source_.filter == MultimapFilter::kRegexp)
        found(text);
      else
        header_addresses(i, text);
    }
  }

  void header_addresses(uint32_t header, std::string_view text) {
    bool parsed = false;
    for (const Address& address : batch_.addresses.row(row_)) {
      if (address.header != header) continue;
      parsed = true;
      email(address);
    }
    // A header whose addresses nobody else reads: what stands between < and >, or all of it.
    if (parsed) return;
    const size_t open = text.rfind('<');
    const size_t close = open == text.npos ? open : text.find('>', open);
    if (close != text.npos) text = text.substr(open, close - open + 1);
    const Address address = parse_one_address(text, batch_.arena);
    if (address.valid) email(address);
  }

  void host(std::string_view name) {
    switch (source_.filter) {
      case MultimapFilter::kTld:
        return give(organisation(name, batch_.arena));
      case MultimapFilter::kTop:
        return give(last_label(name));
      case MultimapFilter::kTldRegexp:
        return found(organisation(name, batch_.arena));
      default:
        return filtered(name);
    }
  }

  void url() {
    const auto flag = [](const Url& one, UrlFlag which) {
      return (one.flags & static_cast<uint32_t>(which)) != 0;
    };
    for (const Url& one : batch_.urls.row(row_)) {
      if (one.scheme == UrlScheme::kMailto || flag(one, UrlFlag::kImage)) continue;
      switch (source_.filter) {
        case MultimapFilter::kTld:
          give(one.domain);
          break;
        case MultimapFilter::kTop:
          give(last_label(one.tld));
          break;
        case MultimapFilter::kTldRegexp:
          found(one.domain);
          break;
        case MultimapFilter::kFull:  // of keys; patterns have ScopeKind::kUrl
          give_forms(one.normal);
          break;
        case MultimapFilter::kFullRegexp:
          found(decoded_url(one.normal, batch_.arena));
          break;
        case MultimapFilter::kPath:
          give_forms(one.path);
          break;
        case MultimapFilter::kQuery:
          give_forms(one.query);
          break;
        case MultimapFilter::kPhished:
          if (flag(one, UrlFlag::kPhished)) give(one.host);
          break;
        case MultimapFilter::kRedirected:
          if (flag(one, UrlFlag::kRedirected)) give(one.host);
          break;
        case MultimapFilter::kObscured:
          if (flag(one, UrlFlag::kObscured)) give(one.host);
          break;
        case MultimapFilter::kTemplate:
          give(filled(one));
          break;
        default:
          filtered(one.host);
      }
    }
  }

  // The template with $names and ${names} of the URL's parts in their places.
  std::string_view filled(const Url& url) {
    ArenaText out(batch_.arena);
    std::string_view rest = source_.text;
    while (!rest.empty()) {
      const size_t dollar = std::min(rest.find('$'), rest.size());
      out.append(rest.substr(0, dollar));
      rest.remove_prefix(dollar);
      if (rest.empty()) break;
      const bool braces = rest.substr(1).starts_with('{');
      const size_t begin = braces ? 2 : 1;
      size_t end = begin;
      while (end < rest.size() && is_lower(rest[end])) ++end;
      const std::string_view name = rest.substr(begin, end - begin);
      if (braces) end = std::min(end + 1, rest.size());
      out.append(url_part(url, name));
      rest.remove_prefix(end);
    }
    return out.finish();
  }

  void name(std::string_view file) {
    if (source_.filter != MultimapFilter::kExtension) return filtered(file);
    const size_t dot = file.rfind('.');
    if (dot != file.npos) give(file.substr(dot + 1));
  }

  void filename() {
    for (const Part& part : batch_.parts.row(row_)) {
      name(part.filename);
      if (!part.other_filename.empty()) name(part.other_filename);
      // What the bytes say counts only where it says more than the name does.
      const size_t dot = part.filename.rfind('.');
      const bool said = dot != part.filename.npos &&
                        equal_caseless(part.filename.substr(dot + 1), part.detected.extension);
      if (!source_.skip_detected && part.kind == PartKind::kOther && !said &&
          !part.detected.extension.empty())
        name(join_text(batch_.arena, "detected.", part.detected.extension));
    }
    if (source_.skip_archives) return;
    for (const ArchiveMember& member : batch_.archive_members.row(row_))
      if (!member.directory) name(member.name);
  }

  void content() {
    if (source_.filter == MultimapFilter::kBody)
      return give(batch_.raw[row_].substr(
          std::min<size_t>(batch_.facts[row_].body_offset, batch_.raw[row_].size())));
    if (source_.filter == MultimapFilter::kOneLine) {
      thread_local TextRoom room;
      each_text(ScopeKind::kPart, batch_, row_, false, room, [&](uint32_t, std::string_view text) {
        thread_local TextRoom line;
        give(batch_.arena.copy(flatten(text, line)));
      });
      return;
    }
    thread_local TextRoom room;
    each_text(source_.scope(), batch_, row_, false, room,
              [&](uint32_t, std::string_view text) { give(text); });
  }

  void selector() {
    thread_local std::vector<std::string_view> values;
    values.clear();
    source_.selector->joined(batch_, row_, batch_.arena, source_.delimiter, values);
    for (const std::string_view value : values) found(value);
  }

  void received() {
    const std::span<const Received> hops = batch_.received.row(row_);
    const auto count = static_cast<int>(hops.size());
    const auto position = [count](int at) { return at < 0 ? count + at + 1 : at; };
    for (int i = 1; i <= count; ++i) {
      const Received& hop = hops[static_cast<size_t>(i - 1)];
      if (i < position(source_.min_pos) || i > position(source_.max_pos)) continue;
      const bool artificial = hop.flags & static_cast<uint8_t>(ReceivedFlag::kArtificial);
      if (artificial && !source_.artificial) continue;
      if ((hop.flags & source_.flags) != source_.flags || hop.flags & source_.no_flags) continue;
      received_field(hop);
    }
  }

  void received_field(const Received& hop) {
    const auto hostname = [this](std::string_view text) {
      give(source_.only_tld ? organisation(text, batch_.arena) : text);
    };
    switch (source_.filter) {
      case MultimapFilter::kFromIp:
        return give_ip(hop.from_ip);
      case MultimapFilter::kFromHostname:
        return hostname(hop.from_hostname);
      case MultimapFilter::kRealHostname:
        return hostname(hop.real_hostname);
      case MultimapFilter::kByHostname:
        return hostname(hop.by_hostname);
      case MultimapFilter::kProto:
        return give(hop.protocol);
      case MultimapFilter::kFor:
        return give(hop.for_address);
      case MultimapFilter::kTimestamp:
        if (hop.time != 0) give(number_text(batch_.arena, hop.time));
        return;
      default:
        return give_ip(hop.real_ip);
    }
  }

  const MultimapSource& source_;
  Batch& batch_;
  uint32_t row_;
  const std::function<void(std::string_view)>& f_;
};

}  // namespace

ScopeKind MultimapSource::scope() const {
  if (type == MultimapType::kHeader && filter == MultimapFilter::kNone && headers.size() == 1)
    return ScopeKind::kHeader;
  if (type == MultimapType::kUrl && filter == MultimapFilter::kFull) return ScopeKind::kUrl;
  if (type != MultimapType::kContent) return ScopeKind::kSelector;
  switch (filter) {
    case MultimapFilter::kHeaders:
      return ScopeKind::kAllHeaders;
    case MultimapFilter::kText:
      return ScopeKind::kPart;
    case MultimapFilter::kRawText:
      return ScopeKind::kSaRawBody;
    case MultimapFilter::kFull:
      return ScopeKind::kBody;
    default:
      return ScopeKind::kSelector;
  }
}

std::string_view filtered_text(const MultimapSource& source, std::string_view text) {
  if (!source.regex.valid()) return text;
  thread_local RegexScratch scratch;
  RegexMatch place;
  if (source.regex.find_in_bytes(scratch, text, &place) != Find::kFound) return {};
  return text.substr(place.begin, place.end - place.begin);
}

void each_multimap_value(const MultimapSource& source, Batch& batch, uint32_t row,
                         const std::function<void(std::string_view)>& f) {
  Values(source, batch, row, f).run();
}

}  // namespace winnow
