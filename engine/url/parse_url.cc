// URL parsing (WHATWG URL Standard, "basic URL parser"), made total for mail.
//
//   found   = blanks? scheme ":" slashes authority? path? ("?" query)? ("#" fragment)? blanks?
//   slashes = any number of "/" and "\"; two are regular
//   authority = (userinfo "@")* host (":" port)?, ends at the first of / \ ? #
//
// Tabs and line breaks inside are skipped; "\" is "/". `normal` is written once, left to right,
// into the arena; the parts of Url are views of it. In every part escapes of unreserved
// characters are undone, all others are written in upper case, what may not stand there is
// escaped and a lone "%" is "%25" (lower case in the host): so normalising again changes nothing. A
// path that was not written is not invented ("http://example.com" stays without a slash), because
// patterns written for Rspamd see it so. Where a browser gives up (bad port, bad host) the rest is
// kept and flagged kObscured: somebody took the trouble to write it.
#include "engine/url/parse_url.h"

#include <xxhash.h>

#include <algorithm>
#include <array>

#include "engine/ascii.h"
#include "engine/text/utf8.h"
#include "engine/url/bytes.h"
#include "engine/url/suffix.h"

namespace winnow {

namespace {

using url_bytes::is;

constexpr size_t kUserBytesMax = 64;      // RFC 5321 4.5.3.1.1, for want of a limit in URLs
constexpr size_t kOpaqueBytesMax = 1024;  // of the normal form of data:, javascript:, ...

struct SchemeName {
  std::string_view name;
  UrlScheme scheme;
  bool disguised = false;
};
constexpr SchemeName kSchemes[] = {
    {"http", UrlScheme::kHttp},
    {"https", UrlScheme::kHttps},
    {"hxxp", UrlScheme::kHttp, true},
    {"hxxps", UrlScheme::kHttps, true},
    {"ftp", UrlScheme::kFtp},
    {"mailto", UrlScheme::kMailto},
    {"tel", UrlScheme::kTel},
    {"callto", UrlScheme::kTel},
    {"file", UrlScheme::kFile},
    {"data", UrlScheme::kData},
    {"javascript", UrlScheme::kJavascript},
};

std::string_view name_of(UrlScheme scheme) {
  switch (scheme) {
    case UrlScheme::kHttp:
      return "http";
    case UrlScheme::kHttps:
      return "https";
    case UrlScheme::kFtp:
      return "ftp";
    case UrlScheme::kMailto:
      return "mailto";
    case UrlScheme::kTel:
      return "tel";
    case UrlScheme::kFile:
      return "file";
    case UrlScheme::kData:
      return "data";
    case UrlScheme::kJavascript:
      return "javascript";
    case UrlScheme::kOther:
      break;
  }
  return {};
}

bool is_slash(char c) { return c == '/' || c == '\\'; }
bool is_control(char c) { return static_cast<uint8_t>(c) < 32 || c == 127; }
bool is_skipped(char c) { return c == '\t' || c == '\n' || c == '\r'; }

// Length of the scheme's name if `text` starts with "name:", else 0.
size_t scheme_length(std::string_view text) {
  if (text.empty() || !is(text[0], url_bytes::kAlpha)) return 0;
  size_t at = 1;
  while (at < text.size() && (is(text[at], url_bytes::kAlpha | url_bytes::kDigit) ||
                              text[at] == '+' || text[at] == '-' || text[at] == '.')) {
    ++at;
  }
  return at < text.size() && text[at] == ':' ? at : 0;
}

// Zero-width characters between the letters of the scheme, and tabs and line breaks anywhere.
std::string_view skip_what_browsers_skip(std::string_view text, std::vector<char>& clean,
                                         uint32_t& flags) {
  const size_t colon = text.find(':');
  const std::string_view head =
      text.substr(0, colon == text.npos ? 0 : std::min(colon, size_t{64}));
  const bool split = !is_ascii(head);
  if (!split && std::none_of(text.begin(), text.end(), is_skipped)) return text;
  const size_t path = std::min(
      text.find_first_of("/?#", text.find_first_not_of("/\\\t\r\n", colon + 1)), text.size());
  clean.clear();
  for (size_t at = 0; at < text.size();) {
    if (split && at < head.size() && static_cast<uint8_t>(text[at]) > 127) {
      const std::string_view rest = text.substr(at);
      const size_t length = sequence_length(rest);
      const char* point = rest.data();
      if (length != 0 && is_zero_width(next_point(point))) {
        flags |= bit(UrlFlag::kObscured);
        at += length;
        continue;
      }
    }
    if (is_skipped(text[at])) {
      flags |= bit(UrlFlag::kUnnormalised);
      if (at < path) flags |= bit(UrlFlag::kObscured);  // inside scheme or authority
    } else {
      clean.push_back(text[at]);
    }
    ++at;
  }
  return {clean.data(), clean.size()};
}

// Bytes that stop a run of bytes which is copied as it stands: what is escaped or parted there.
constexpr std::array<bool, 256> stops_of(uint8_t encode, bool path) {
  std::array<bool, 256> table{};
  for (size_t c = 0; c < table.size(); ++c) table[c] = is(static_cast<char>(c), encode);
  table['%'] = true;
  if (path) table['/'] = table['\\'] = table['?'] = table['#'] = true;
  return table;
}
constexpr std::array<bool, 256> kPathStops = stops_of(url_bytes::kPathEncode, true);
constexpr std::array<bool, 256> kQueryStops = stops_of(url_bytes::kQueryEncode, false);

const char* run_end(const char* at, const char* end, const std::array<bool, 256>& stops) {
  while (at < end && !stops[static_cast<uint8_t>(*at)]) ++at;
  return at;
}

// Writes one part: escapes of unreserved bytes undone, bytes of `encode` escaped.
class PartWriter {
 public:
  PartWriter(ArenaText& to, uint32_t& flags) : to_(to), flags_(flags) {}

  // What may stand in a query, from `at` on.
  void put_query(std::string_view part, UrlFlag encoded) {
    const char* end = part.data() + part.size();
    for (const char* at = part.data(); at < end;) {
      at = put_run(at, end, kQueryStops);
      if (at < end) at = put_unit(at, end, url_bytes::kQueryEncode, encoded);
    }
  }
  const char* put_run(const char* at, const char* end, const std::array<bool, 256>& stops) {
    const char* const stop = run_end(at, end, stops);
    to_.append({at, static_cast<size_t>(stop - at)});
    return stop;
  }
  // One byte or escape at `at`; returns where the next starts.
  const char* put_unit(const char* at, const char* end, uint8_t encode, UrlFlag encoded) {
    if (*at == '%') {
      const int value = url_bytes::escape_at(at, end);
      if (value < 0) {
        put_escape('%');
        return at + 1;
      }
      flags_ |= bit(encoded);
      const char c = static_cast<char>(value);
      if (is(c, url_bytes::kUnreserved)) {
        to_.push(c);
      } else {
        put_escape(static_cast<uint8_t>(value));
      }
      return at + 3;
    }
    if (!is(*at, encode)) {
      to_.push(*at);
      return at + 1;
    }
    if (is_control(*at)) flags_ |= bit(UrlFlag::kObscured);
    flags_ |= bit(UrlFlag::kUnnormalised);
    put_escape(static_cast<uint8_t>(*at));
    return at + 1;
  }
  void put_escape(uint8_t byte) {
    const char text[3] = {'%', url_bytes::kHexDigits[byte >> 4], url_bytes::kHexDigits[byte & 15]};
    to_.append({text, 3});
  }

 private:
  ArenaText& to_;
  uint32_t& flags_;
};

// What stands between the slashes and the path.
struct Authority {
  std::string_view userinfo;
  std::string_view host;
  std::string_view port;
  uint32_t flags = 0;
};

Authority split_authority(std::string_view text) {
  Authority out;
  const size_t at = text.rfind('@');
  if (at != text.npos) {
    out.userinfo = text.substr(0, at);
    text.remove_prefix(at + 1);
    const bool several = out.userinfo.find('@') != out.userinfo.npos;
    if (several || out.userinfo.empty() || out.userinfo.size() > kUserBytesMax) {
      out.flags |= bit(UrlFlag::kObscured);
    }
    if (!out.userinfo.empty()) out.flags |= bit(UrlFlag::kHasUser);
  }
  size_t colon = text.find(':');
  if (text.starts_with('[')) {
    const size_t bracket = text.find(']');
    if (bracket != text.npos) colon = text.find(':', bracket);
  }
  out.host = text.substr(0, colon);
  if (colon != text.npos) out.port = text.substr(colon + 1);
  return out;
}

uint16_t read_port(std::string_view text, uint32_t& flags) {
  uint32_t port = 0;
  for (const char c : text) {
    if (is(c, url_bytes::kDigit)) port = port * 10 + static_cast<uint32_t>(c - '0');
    if (!is(c, url_bytes::kDigit) || port > 65535) {
      flags |= bit(UrlFlag::kObscured);
      return 0;
    }
  }
  if (port != 0) flags |= bit(UrlFlag::kHasPort);
  return static_cast<uint16_t>(port);
}

uint16_t default_port(UrlScheme scheme) {
  if (scheme == UrlScheme::kHttp) return 80;
  if (scheme == UrlScheme::kHttps) return 443;
  return scheme == UrlScheme::kFtp ? 21 : 0;
}

// Offsets of the parts within `normal`, which moves while it grows.
struct Offsets {
  size_t user = 0, user_end = 0, host = 0, host_end = 0, path = 0, path_end = 0;
  size_t query = 0, query_end = 0, fragment = 0;
};

// Path segments, dot segments removed (WHATWG "path state"). Returns where the path ended.
const char* put_path(const char* at, const char* end, ArenaText& to, uint32_t& flags) {
  PartWriter writer(to, flags);
  const size_t path = to.size();
  bool open = false;  // a segment's "/" has been written
  while (at < end && *at != '?' && *at != '#') {
    if (is_slash(*at)) {
      if (*at == '\\') flags |= bit(UrlFlag::kUnnormalised);
      if (!open) to.push('/');
      ++at;
    }
    const size_t segment = to.size();
    while (true) {
      at = writer.put_run(at, end, kPathStops);
      if (at == end || is_slash(*at) || *at == '?' || *at == '#') break;
      at = writer.put_unit(at, end, url_bytes::kPathEncode, UrlFlag::kPathEncoded);
    }
    const std::string_view written = to.view().substr(segment);
    open = written == "." || written == "..";
    if (!open) continue;
    flags |= bit(UrlFlag::kObscured) | bit(UrlFlag::kUnnormalised);
    size_t keep = segment;
    if (written == ".." && segment - 1 > path) keep = to.view().rfind('/', segment - 2) + 1;
    to.truncate(keep);
  }
  return at;
}

void put_tail(std::string_view text, ArenaText& to, uint32_t& flags, Offsets& offsets) {
  const char* end = text.data() + text.size();
  offsets.path = to.size();
  const char* at = put_path(text.data(), end, to, flags);
  offsets.path_end = to.size();
  PartWriter writer(to, flags);
  std::string_view rest(at, static_cast<size_t>(end - at));
  offsets.query = offsets.query_end = to.size();
  if (rest.starts_with('?')) {
    const size_t hash = std::min(rest.find('#'), rest.size());
    to.push('?');
    offsets.query = to.size();
    writer.put_query(rest.substr(1, hash - 1), UrlFlag::kQueryEncoded);
    offsets.query_end = to.size();
    rest.remove_prefix(hash);
  }
  offsets.fragment = to.size();
  if (rest.starts_with('#')) {
    to.push('#');
    offsets.fragment = to.size();
    writer.put_query(rest.substr(1), UrlFlag::kPathEncoded);
  }
}

void set_views(std::string_view normal, const Offsets& o, Url& out) {
  const auto part = [&](size_t begin, size_t end) { return normal.substr(begin, end - begin); };
  out.normal = normal;
  out.user = part(o.user, o.user_end);
  out.host = part(o.host, o.host_end);
  out.path = part(o.path, o.path_end);
  if (out.path.starts_with('/')) out.path.remove_prefix(1);
  out.query = part(o.query, o.query_end);
  out.fragment = part(o.fragment, normal.size());
  out.hash = XXH3_64bits(normal.data(), normal.size());
}

void set_domain(Url& out) {
  if (out.host.empty()) return;
  if (has(out.flags, UrlFlag::kNumeric)) {
    out.domain = out.host;
    return;
  }
  const Suffix suffix = find_suffix(out.host);
  out.tld = suffix.tld;
  out.domain = suffix.domain;
  if (!suffix.known) out.flags |= bit(UrlFlag::kNoTld);
}

// A URL with an authority; `rest` starts after the slashes, `scheme` is the name as written.
bool parse_hierarchical(std::string_view scheme, std::string_view rest, UrlParser& parser,
                        Arena& arena, Url& out) {
  // Not find_first_of(), which calls memchr for each character.
  size_t end = 0;
  while (end < rest.size() && !is_slash(rest[end]) && rest[end] != '?' && rest[end] != '#') ++end;
  if (end < rest.size() && rest[end] == '\\') out.flags |= bit(UrlFlag::kObscured);
  const Authority authority = split_authority(rest.substr(0, end));
  const HostName host = normalise_host(authority.host, parser.host);
  const bool host_optional = out.scheme == UrlScheme::kFile || out.scheme == UrlScheme::kOther;
  if (host.name.empty() && !host_optional) return false;
  out.flags |= authority.flags | host.flags;
  out.port = read_port(authority.port, out.flags);

  ArenaText normal(arena, rest.size() + 64);
  Offsets offsets;
  if (out.scheme == UrlScheme::kOther) {
    for (const char c : scheme) normal.push(lower_ascii(c));
  } else {
    normal.append(name_of(out.scheme));
  }
  normal.append("://");
  offsets.user = offsets.user_end = normal.size();
  if (!authority.userinfo.empty()) {
    PartWriter writer(normal, out.flags);
    const char* at = authority.userinfo.data();
    const char* user_end = at + authority.userinfo.size();
    bool in_user = true;
    while (at < user_end) {
      if (*at == ':' && in_user) offsets.user_end = normal.size(), in_user = false;
      if (*at == '@' || *at == '[' || *at == ']') {
        writer.put_escape(static_cast<uint8_t>(*at++));
      } else {
        at = writer.put_unit(at, user_end, url_bytes::kPathEncode, UrlFlag::kUserEncoded);
      }
    }
    if (in_user) offsets.user_end = normal.size();
    normal.push('@');
  }
  if (host.ip6) normal.push('[');
  offsets.host = normal.size();
  normal.append(host.name);
  offsets.host_end = normal.size();
  if (host.ip6) normal.push(']');
  if (out.port != 0 && out.port != default_port(out.scheme)) {
    char digits[6];
    size_t count = 0;
    for (unsigned port = out.port; port != 0; port /= 10) {
      digits[count++] = static_cast<char>('0' + port % 10);
    }
    normal.push(':');
    while (count > 0) normal.push(digits[--count]);
  }
  put_tail(rest.substr(end), normal, out.flags, offsets);
  set_views(normal.finish(), offsets, out);
  set_domain(out);
  return true;
}

// tel: keeps digits; other schemes without an authority are kept as one bounded text.
bool parse_opaque(std::string_view scheme, std::string_view rest, Arena& arena, Url& out) {
  ArenaText normal(arena, std::min(rest.size(), kOpaqueBytesMax) + 64);
  Offsets offsets;
  if (out.scheme == UrlScheme::kOther) {
    for (const char c : scheme) normal.push(lower_ascii(c));
  } else {
    normal.append(name_of(out.scheme));
  }
  normal.push(':');
  offsets.path = normal.size();
  PartWriter writer(normal, out.flags);
  const char* end = rest.data() + rest.size();
  for (const char* at = rest.data(); at < end;) {
    if (out.scheme == UrlScheme::kTel && *at != '+' && !is(*at, url_bytes::kDigit)) {
      if (*at == ';' || *at == '?' || *at == ',') break;
      at += url_bytes::escape_at(at, end) < 0 ? 1 : 3;
      continue;
    }
    const size_t before = normal.size();
    at = writer.put_unit(at, end, url_bytes::kQueryEncode, UrlFlag::kPathEncoded);
    if (normal.size() - offsets.path > kOpaqueBytesMax) {
      normal.truncate(before);
      out.flags |= bit(UrlFlag::kTruncated);
      break;
    }
  }
  offsets.path_end = offsets.query = offsets.query_end = offsets.fragment = normal.size();
  const bool empty = offsets.path_end == offsets.path;
  set_views(normal.finish(), offsets, out);
  return !empty;
}

bool parse_mailto(std::string_view rest, UrlParser& parser, Arena& arena, Url& out) {
  rest = past_mailto_slashes(rest);
  const size_t question = std::min(rest.find('?'), rest.size());
  Email email;
  if (!parse_email(rest.substr(0, question), parser, arena, email)) return false;
  out.flags |= email.flags;
  ArenaText normal(arena, rest.size() + 64);
  Offsets offsets;
  normal.append("mailto:");
  offsets.user = normal.size();
  normal.append(email.user);
  offsets.user_end = normal.size();
  normal.push('@');
  if (email.host.find(':') != email.host.npos) normal.push('[');
  offsets.host = normal.size();
  normal.append(email.host);
  offsets.host_end = normal.size();
  if (email.host.find(':') != email.host.npos) normal.push(']');
  put_tail(rest.substr(question), normal, out.flags, offsets);
  set_views(normal.finish(), offsets, out);
  set_domain(out);
  return true;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && static_cast<uint8_t>(text.front()) <= ' ') text.remove_prefix(1);
  while (!text.empty() && static_cast<uint8_t>(text.back()) <= ' ') text.remove_suffix(1);
  return text;
}

// Slashes after the scheme: how many, and whether any leans the wrong way.
std::string_view skip_slashes(std::string_view rest, uint32_t& flags) {
  size_t slashes = 0;
  while (slashes < rest.size() && is_slash(rest[slashes])) {
    if (rest[slashes++] == '\\') flags |= bit(UrlFlag::kObscured);
  }
  if (slashes < 2) flags |= bit(UrlFlag::kMissingSlashes);
  if (slashes > 2) flags |= bit(UrlFlag::kUnnormalised);
  return rest.substr(slashes);
}

}  // namespace

UrlScheme scheme_of(std::string_view name, bool& disguised) {
  for (const SchemeName& row : kSchemes) {
    if (name.size() != row.name.size()) continue;
    bool same = true;
    for (size_t i = 0; i < name.size(); ++i) same &= lower_ascii(name[i]) == row.name[i];
    if (!same) continue;
    disguised = row.disguised;
    return row.scheme;
  }
  disguised = false;
  return UrlScheme::kOther;
}

bool parse_url(std::string_view found, UrlGuess guess, UrlParser& parser, Arena& arena, Url& out) {
  out = Url{};
  out.found = found;
  std::string_view text = trim(found);
  if (text.size() > parser.bytes_max) {
    text = text.substr(0, parser.bytes_max);
    out.flags |= bit(UrlFlag::kTruncated);
  }
  text = trim(skip_what_browsers_skip(text, parser.clean, out.flags));
  const size_t colon = scheme_length(text);
  const std::string_view scheme = text.substr(0, colon);
  const bool port_follows = guess != UrlGuess::kNone && scheme.find('.') != scheme.npos &&
                            colon + 1 < text.size() && is(text[colon + 1], url_bytes::kDigit);
  if (colon == 0 || port_follows) {
    const bool relative = text.size() > 2 && is_slash(text[0]) && is_slash(text[1]);
    if (!relative && (guess == UrlGuess::kNone || text.empty() || is_slash(text[0]))) return false;
    out.scheme = guess == UrlGuess::kFtp ? UrlScheme::kFtp : UrlScheme::kHttp;
    out.flags |= bit(UrlFlag::kSchemaless);
    if (relative) text = skip_slashes(text, out.flags);
    return parse_hierarchical({}, text, parser, arena, out);
  }
  bool disguised = false;
  out.scheme = scheme_of(scheme, disguised);
  if (disguised) out.flags |= bit(UrlFlag::kObscured);
  const std::string_view rest = text.substr(colon + 1);
  switch (out.scheme) {
    case UrlScheme::kHttp:
    case UrlScheme::kHttps:
    case UrlScheme::kFtp:
      return parse_hierarchical(scheme, skip_slashes(rest, out.flags), parser, arena, out);
    case UrlScheme::kMailto:
      return parse_mailto(rest, parser, arena, out);
    case UrlScheme::kFile:
    case UrlScheme::kOther:
      if (rest.starts_with("//")) {
        return parse_hierarchical(scheme, rest.substr(2), parser, arena, out);
      }
      return parse_opaque(scheme, rest, arena, out);
    default:
      return parse_opaque(scheme, rest, arena, out);
  }
}

std::string_view past_mailto_slashes(std::string_view rest) {
  while (!rest.empty() && (is_slash(rest[0]) || static_cast<uint8_t>(rest[0]) <= ' '))
    rest.remove_prefix(1);
  return rest;
}

bool parse_email(std::string_view found, UrlParser& parser, Arena& arena, Email& out) {
  out = Email{};
  found = trim(found);
  size_t at = found.rfind('@');
  size_t at_bytes = 1;
  if (at == found.npos) {  // "user%40host"
    at = found.rfind("%40"), at_bytes = 3;
    if (at == found.npos) return false;
    out.flags |= bit(UrlFlag::kUserEncoded);
  }
  std::string_view host_text = found.substr(at + at_bytes);
  const HostName host = normalise_host(host_text, parser.host);
  if (at == 0 || host.name.empty()) return false;
  out.flags |= host.flags;
  if (at > kUserBytesMax) out.flags |= bit(UrlFlag::kObscured);
  ArenaText text(arena, found.size() + 64);
  PartWriter writer(text, out.flags);
  const char* end = found.data() + at;
  for (const char* from = found.data(); from < end;) {
    const int value = url_bytes::escape_at(from, end);
    if (value > 0 && value != '%' && value != '?' &&
        is(static_cast<char>(value), url_bytes::kLocal)) {
      out.flags |= bit(UrlFlag::kUserEncoded);
      text.push(static_cast<char>(value));
      from += 3;
    } else if (*from == '@') {
      writer.put_escape('@'), ++from;
      out.flags |= bit(UrlFlag::kObscured);
    } else if (static_cast<uint8_t>(*from) > 127 ||
               (*from != '%' && is(*from, url_bytes::kLocal))) {
      text.push(*from++);
    } else {
      from = writer.put_unit(from, end, url_bytes::kPathEncode, UrlFlag::kUserEncoded);
    }
  }
  const size_t user_end = text.size();
  text.push('@');
  if (host.ip6) text.push('[');
  const size_t host_begin = text.size();
  text.append(host.name);
  const size_t host_end = text.size();
  if (host.ip6) text.push(']');
  out.address = text.finish();
  out.user = out.address.substr(0, user_end);
  out.host = out.address.substr(host_begin, host_end - host_begin);
  out.domain = out.host;
  if (!has(out.flags, UrlFlag::kNumeric)) {
    const Suffix suffix = find_suffix(out.host);
    out.domain = suffix.domain;
    if (!suffix.known) out.flags |= bit(UrlFlag::kNoTld);
  }
  return true;
}

}  // namespace winnow
