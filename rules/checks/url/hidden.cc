// Links that are written so that filters do not see them (hxxp, [.]) or lead into hidden folders,
// and hosts that look like another name, in letters of other scripts or within ASCII (paypa1).
#include <algorithm>
#include <array>

#include "engine/text/fold.h"
#include "engine/text/script.h"
#include "engine/text/utf8.h"
#include "engine/url/suffix.h"
#include "rules/checks/check.h"
#include "rules/checks/text.h"

namespace winnow {

namespace {

enum Sym : uint32_t { kHomograph, kOmograph, kObfuscated, kHiddenPath, kCount };

constexpr std::array<SymbolDecl, kCount> kSymbols{{
    {"URL_HOMOGRAPH_ATTACK", "url_suspect", 5, "A URL's host mixes letters that look alike."},
    {"OMOGRAPH_URL", "url", 5, "A link shows a host that looks like another."},
    {"URL_OBFUSCATED_TEXT", "url", 5, "A text hides a URL from filters."},
    {"URI_HIDDEN_PATH", "compromised_hosts", 1, "A URL leads through a hidden folder."},
}};

// Code points of one label; longer ones are no host names (RFC 1035 2.3.4).
constexpr size_t kLabelMax = 63;
struct Label {
  std::array<uint32_t, kLabelMax> points;
  size_t size = 0;
};

// Punycode (RFC 3492 6.2) of the part after "xn--"; false where it is broken.
bool decode_punycode(std::string_view text, Label& out) {
  out.size = 0;
  size_t at = 0;
  if (const size_t dash = text.rfind('-'); dash != std::string_view::npos) {
    if (dash > kLabelMax) return false;
    for (; at < dash; ++at) out.points[out.size++] = static_cast<uint8_t>(text[at]);
    ++at;
  }
  uint64_t n = 128, i = 0, bias = 72;
  while (at < text.size()) {
    const uint64_t before = i;
    uint64_t weight = 1;
    for (uint64_t k = 36;; k += 36) {
      if (at >= text.size()) return false;
      const char c = lower_ascii(text[at++]);
      const uint64_t digit = c >= 'a' && c <= 'z'   ? static_cast<uint64_t>(c - 'a')
                             : c >= '0' && c <= '9' ? static_cast<uint64_t>(c - '0') + 26
                                                    : 36;
      if (digit == 36) return false;
      i += digit * weight;
      if (i > 0xFFFFFFFF) return false;
      const uint64_t least = k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias;
      if (digit < least) break;
      weight *= 36 - least;
      if (weight > 0xFFFFFFFF) return false;
    }
    const uint64_t count = out.size + 1;
    uint64_t delta = before == 0 ? i / 700 : (i - before) / 2;
    delta += delta / count;
    uint64_t k = 0;
    for (; delta > 455; k += 36) delta /= 35;
    bias = k + 36 * delta / (delta + 38);
    n += i / count;
    i %= count;
    if (n > 0x10FFFF || (n >= 0xD800 && n < 0xE000) || out.size == kLabelMax) return false;
    std::copy_backward(out.points.begin() + static_cast<std::ptrdiff_t>(i),
                       out.points.begin() + static_cast<std::ptrdiff_t>(out.size),
                       out.points.begin() + static_cast<std::ptrdiff_t>(out.size) + 1);
    out.points[i++] = static_cast<uint32_t>(n);
    ++out.size;
  }
  return true;
}

// The label as a reader sees it; one that is no punycode stands as it is written.
void read_label(std::string_view label, Label& out) {
  if (label.starts_with("xn--") && decode_punycode(label.substr(4), out)) return;
  out.size = std::min(label.size(), kLabelMax);
  for (size_t i = 0; i < out.size; ++i) out.points[i] = static_cast<uint8_t>(label[i]);
}

// Scripts as a set of bits.
uint64_t bit_of(Script script) { return uint64_t{1} << static_cast<uint32_t>(script); }

uint64_t scripts_of(const Label& label, const CharTable& table) {
  uint64_t scripts = 0;
  for (size_t i = 0; i < label.size; ++i) {
    const CharInfo info = table[label.points[i]];
    if (info.is(CharBit::kAlpha)) scripts |= bit_of(info.script);
  }
  return scripts;
}

bool looks_like_ascii(const Label& label, Arena& arena) {
  char utf8[kLabelMax * 4];
  size_t size = 0;
  for (size_t i = 0; i < label.size; ++i) size += put_point(utf8 + size, label.points[i]);
  ArenaText folded(arena, size + 1);
  skeleton({utf8, size}, folded);
  return is_ascii(folded.view());
}

// Top-level domains in Latin letters of countries that write another script, whose names are sold
// in it, too. Browsers show these names as they are (Chromium's whole-script confusables).
struct Country {
  std::string_view tld;
  Script script;
};
constexpr Country kCountries[] = {
    {"am", Script::kArmenian}, {"bg", Script::kCyrillic}, {"by", Script::kCyrillic},
    {"gr", Script::kGreek},    {"kz", Script::kCyrillic}, {"ru", Script::kCyrillic},
    {"su", Script::kCyrillic}, {"ua", Script::kCyrillic}, {"uz", Script::kCyrillic},
};

// The host without a public suffix below a country's domain ("com.ua"), whose script is then as
// good as that country's.
uint64_t take_country(std::string_view& host) {
  const std::string_view tld = host.substr(host.rfind('.') + 1);
  for (const Country& country : kCountries) {
    if (country.tld != tld) continue;
    const size_t suffix = find_suffix(host).tld.size() + 1;
    if (suffix > host.size()) return 0;
    host.remove_suffix(suffix);
    return bit_of(country.script);
  }
  return 0;
}

// Whether a label mixes letters of Latin and of a script with look-alikes, or is made of
// look-alikes of ASCII only while something behind it is of another script: "сова.рф" is all
// Cyrillic and pretends to be nothing else.
bool is_spoofed_host(std::string_view host, const CharTable& table, Arena& arena) {
  const uint64_t lookalike = bit_of(Script::kCyrillic) | bit_of(Script::kGreek) |
                             bit_of(Script::kCherokee) | bit_of(Script::kArmenian);
  uint64_t behind = take_country(host);
  while (!host.empty()) {
    const size_t dot = host.rfind('.');
    Label label;
    read_label(host.substr(dot + 1), label);
    const uint64_t scripts = scripts_of(label, table);
    if (scripts & lookalike) {
      if (scripts & bit_of(Script::kLatin)) return true;
      if ((behind & ~scripts) && looks_like_ascii(label, arena)) return true;
    }
    behind |= scripts;
    if (dot == std::string_view::npos) break;
    host.remove_suffix(host.size() - dot);
  }
  return false;
}

// The name as a reader may take it: letters of other scripts as those of ASCII that they look like
// (UTS #39), and what looks alike within ASCII as one: 1 l, 0 o, rn m, vv w, cl d.
std::string_view seen_as(std::string_view host, Arena& arena) {
  ArenaText ascii(arena, host.size());
  while (!host.empty()) {
    const size_t dot = std::min(host.find('.'), host.size());
    const std::string_view label = host.substr(0, dot);
    Label points;
    if (label.starts_with("xn--") && decode_punycode(label.substr(4), points)) {
      char utf8[kLabelMax * 4];
      size_t size = 0;
      for (size_t i = 0; i < points.size; ++i) size += put_point(utf8 + size, points.points[i]);
      skeleton({utf8, size}, ascii);
    } else {
      ascii.append(label);
    }
    if (dot < host.size()) ascii.push('.');
    host.remove_prefix(std::min(dot + 1, host.size()));
  }
  ArenaText out(arena, ascii.view().size());
  const std::string_view name = ascii.view();
  for (size_t i = 0; i < name.size(); ++i) {
    const std::string_view two = name.substr(i, 2);
    const char pair = two == "rn" ? 'm' : two == "vv" ? 'w' : two == "cl" || two == "c1" ? 'd' : 0;
    const char one = name[i] == '1' ? 'l' : name[i] == '0' ? 'o' : name[i];
    out.push(pair ? pair : one);
    i += pair != 0;
  }
  return out.finish();
}

bool is_host_byte(char c) {
  return (c >= '0' && c <= '9') || (lower_ascii(c) >= 'a' && lower_ascii(c) <= 'z') || c == '-' ||
         c == '.';
}

// The host at `at`, with "[.]" for dots; empty where it has no known suffix.
std::string_view bracketed_host(std::string_view text, size_t at, Arena& arena) {
  constexpr size_t kHostMax = 253;
  char host[kHostMax];
  size_t size = 0;
  while (at < text.size() && size < kHostMax) {
    const bool dot = text.substr(at).starts_with("[.]") || text.substr(at).starts_with("(.)");
    if (!dot && !is_host_byte(text[at])) break;
    host[size++] = dot ? '.' : lower_ascii(text[at]);
    at += dot ? 3 : 1;
  }
  while (size > 0 && host[size - 1] == '.') --size;
  const std::string_view name(host, size);
  if (name.find('.') == std::string_view::npos || !find_suffix(name).known) return {};
  return arena.copy(name);
}

// hxxp://host, or a scheme and a host whose dots are in brackets.
void obfuscated(const CheckPlan& plan, Batch& batch, uint32_t row, std::string_view text) {
  for (size_t at = text.find("://"); at != std::string_view::npos; at = text.find("://", at + 3)) {
    size_t begin = at;
    while (begin > 0 && at - begin < 5 && is_host_byte(text[begin - 1]) && text[begin - 1] != '.')
      --begin;
    const std::string_view scheme = text.substr(begin, at - begin);
    const bool hxxp = equal_caseless(scheme, "hxxp") || equal_caseless(scheme, "hxxps");
    const size_t slash = std::min(text.find_first_of("/ \n", at + 3), text.size());
    const std::string_view rest = text.substr(at + 3, slash - at - 3);
    const bool brackets =
        rest.find("[.]") != std::string_view::npos || rest.find("(.)") != std::string_view::npos;
    if (!hxxp && !(brackets && starts_caseless(scheme, "http"))) continue;
    const std::string_view host = bracketed_host(text, at + 3, batch.arena);
    if (host.empty()) continue;
    insert(plan, batch, row, kObfuscated, hxxp ? "type=hxxp" : "type=dots");
    insert(plan, batch, row, kObfuscated, join_text(batch.arena, "url=", host), 0);
    return;
  }
}

// A folder or file of the path that servers do not list (.secure), or one above it; not .well-known
// (RFC 8615).
bool has_hidden_path(const Url& url) {
  if (url.scheme != UrlScheme::kHttp && url.scheme != UrlScheme::kHttps) return false;
  std::string_view rest = url.path;
  while (!rest.empty()) {
    const size_t slash = std::min(rest.find('/'), rest.size());
    const std::string_view one = rest.substr(0, slash);
    if (one == ".." && slash < rest.size()) return true;
    if (one.size() > 1 && one[0] == '.' && is_host_byte(one[1]) && one[1] != '.' && one[1] != '-' &&
        !starts_caseless(one, ".well-known"))
      return true;
    rest.remove_prefix(std::min(slash + 1, rest.size()));
  }
  return false;
}

void content(const CheckPlan& plan, Batch& batch) {
  const CharTable table;
  for (uint32_t row = 0; row < batch.rows; ++row) {
    for (const Url& url : batch.urls.row(row)) {
      if (!has_hidden_path(url)) continue;
      insert(plan, batch, row, kHiddenPath, url.normal);
      break;
    }
    for (const Url& url : batch.urls.row(row)) {
      const bool phished = url.flags & static_cast<uint32_t>(UrlFlag::kPhished);
      const bool spoofed = url.host.find("xn--") != std::string_view::npos &&
                           is_spoofed_host(url.host, table, batch.arena);
      const bool alike = phished && !url.shown_domain.empty() && url.shown_domain != url.domain &&
                         seen_as(url.shown_domain, batch.arena) == seen_as(url.domain, batch.arena);
      if (spoofed) insert(plan, batch, row, kHomograph, url.host);
      if (!spoofed && !alike) continue;
      insert(plan, batch, row, kOmograph,
             phished ? join_text(batch.arena, url.shown_domain, "->", url.domain) : url.domain,
             phished ? 1 : 0.5);
    }
    for (const Text& text : batch.texts.row(row)) obfuscated(plan, batch, row, text.plain);
  }
}

}  // namespace

extern constexpr Check kHiddenUrls{
    .name = "hidden_urls",
    .text = "Looks for links that are hidden from filters and hosts that look like others.",
    .symbols = kSymbols,
    .content = content,
};

}  // namespace winnow
