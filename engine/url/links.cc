// Targets of HTML links: relative ones resolved, and each compared with what the reader is shown.
//
// Phished (facts: "URL flags"): the link's text starts with a URL; both are web addresses; hosts
// and organisational domains differ; the shown host is not a subdomain of the target's; and the
// target is no known redirector (UrlPlan) whose query names the shown domain and no other: anybody
// else can write what he likes there. A text that starts like "http://" but is no URL counts too,
// and is obscured.
#include <algorithm>

#include "engine/ascii.h"
#include "engine/html/tags.h"
#include "engine/text/utf8.h"
#include "engine/url/bytes.h"
#include "engine/url/collect.h"

namespace winnow {

namespace {

constexpr size_t kShownBytesMax = 2048;  // of a link's text that is looked at

bool is_web(UrlScheme scheme) {
  return scheme == UrlScheme::kHttp || scheme == UrlScheme::kHttps || scheme == UrlScheme::kFtp;
}

// Blanks of Unicode (White_Space), and those that are letters by their properties alone.
bool is_wide_blank(uint32_t point) {
  return point == 0x85 || point == 0xA0 || point == 0x1680 ||
         (point >= 0x2000 && point <= 0x200A) || point == 0x2028 || point == 0x2029 ||
         point == 0x202F || point == 0x205F || point == 0x3000 || point == 0x2800 ||
         point == 0x115F || point == 0x1160 || point == 0x3164 || point == 0xFFA0;
}

// Blanks, opening brackets, quotes and what has no width, before the first letter.
std::string_view trim_shown(std::string_view text) {
  while (!text.empty()) {
    if (static_cast<uint8_t>(text[0]) <= ' ' ||
        std::string_view("<([{\"'").find(text[0]) != std::string_view::npos) {
      text.remove_prefix(1);
      continue;
    }
    const size_t length = sequence_length(text);
    const char* at = text.data();
    if (length < 2) break;
    const uint32_t point = next_point(at);
    if (!is_zero_width(point) && !is_wide_blank(point)) break;
    text.remove_prefix(length);
  }
  return text;
}

bool is_slash(char c) { return c == '/' || c == '\\'; }

// "//host", with slashes of either kind (WHATWG URL, relative slash state).
bool starts_authority(std::string_view text) {
  return text.size() >= 2 && is_slash(text[0]) && is_slash(text[1]);
}

bool has_scheme(std::string_view href) {
  size_t at = 0;
  while (at < href.size() && (url_bytes::is(href[at], url_bytes::kAlpha | url_bytes::kDigit) ||
                              href[at] == '+' || href[at] == '-' || href[at] == '.')) {
    ++at;
  }
  return at > 0 && at < href.size() && href[at] == ':' && url_bytes::is(href[0], url_bytes::kAlpha);
}

// "http:x" is "x" below a base of the same scheme (special relative or authority state). Whether it
// was one.
bool drop_scheme_of(const Url& base, std::string_view& href) {
  const std::string_view scheme = base.normal.substr(0, base.normal.find(':') + 1);
  if (!starts_caseless(href, scheme) || starts_authority(href.substr(scheme.size()))) return false;
  href.remove_prefix(scheme.size());
  return true;
}

// "sub.target" below "target".
bool is_below(std::string_view host, std::string_view above) {
  return host.size() > above.size() + 1 && host.ends_with(above) &&
         host[host.size() - above.size() - 1] == '.';
}

// Whether the text has "://" where a scheme would end.
bool claims_scheme(std::string_view text) {
  if (!starts_caseless(text, "http") && !starts_caseless(text, "hxxp")) return false;
  return text.substr(0, 16).find("://") != std::string_view::npos;
}

}  // namespace

// `href` against `base` (RFC 3986 5.2.2, dot segments are left to parse_url()).
std::string_view UrlCollector::resolve(std::string_view href, const Url& base) {
  const size_t authority = base.normal.find("://") + 3;
  const size_t path = std::min(base.normal.find_first_of("/?#", authority), base.normal.size());
  const size_t tail = std::min(base.normal.find_first_of("?#", path), base.normal.size());
  size_t keep = path;
  bool slash_lacks = false;
  if (href.empty() || href[0] == '#') {
    keep = std::min(base.normal.find('#', tail), base.normal.size());
  } else if (href[0] == '?') {
    keep = tail;
  } else if (!is_slash(href[0])) {
    const size_t slash = base.normal.substr(0, tail).rfind('/');
    slash_lacks = slash < path || slash == base.normal.npos;
    if (!slash_lacks) keep = slash + 1;
  }
  ArenaText text(batch_.arena, keep + href.size() + 1);
  text.append(base.normal.substr(0, keep));
  if (slash_lacks) text.push('/');
  text.append(href);
  return text.finish();
}

bool UrlCollector::parse_link(std::string_view href, const HtmlPlace& place, Url& out) {
  UrlParser& parser = scratch_.parser;
  const bool relative = place.has_base && drop_scheme_of(place.base, href);
  const bool web_path = starts_authority(href);
  if (!relative && (has_scheme(href) || web_path)) {
    if (parse_url(href, UrlGuess::kNone, parser, batch_.arena, out) &&
        !(out.scheme == UrlScheme::kOther && out.host.empty())) {
      return true;
    }
    if (web_path) return false;
  } else if (place.has_base) {
    const std::string_view whole = resolve(href, place.base);
    if (!parse_url(whole, UrlGuess::kNone, parser, batch_.arena, out)) return false;
    out.found = href;
    return true;
  }
  UrlFinder& finder = scratch_.inner_finder;  // "www.example.com/x": a host, as people write it
  finder.candidates = 0;
  finder.candidates_max = 16;
  find_urls(href.substr(0, kShownBytesMax), finder);
  if (finder.found.empty() || finder.found[0].begin != 0) return false;
  if (finder.found[0].kind == FoundKind::kEmail) {
    add_mailto(href.substr(0, finder.found[0].end), bit(UrlFlag::kHtml), place.part);
    return false;
  }
  return parse_url(href, finder.found[0].guess, parser, batch_.arena, out);
}

void UrlCollector::add_link(const HtmlLink& link, const HtmlPlace& place) {
  const auto tag = static_cast<HtmlTag>(link.tag);
  std::string_view href = link.href;
  while (!href.empty() && static_cast<uint8_t>(href[0]) <= ' ') href.remove_prefix(1);
  const bool image = tag == HtmlTag::kImg || tag == HtmlTag::kImage;
  const bool anchor = tag == HtmlTag::kA || tag == HtmlTag::kArea;
  if (tag == HtmlTag::kBase) return;
  // A place in this document; but below a base it is one in the base's.
  if ((href.empty() || href[0] == '#') && !(anchor && place.has_base)) return;
  if (starts_caseless(href, "cid:") || starts_caseless(href, "mid:")) return;
  if (image && starts_caseless(href, "data:")) return;
  if (!count_candidate()) return;
  uint32_t flags = bit(UrlFlag::kHtml);
  if (image) {
    flags |= bit(UrlFlag::kImage);
  } else if (!anchor) {
    flags |= bit(UrlFlag::kSpecial);
  }
  if (link.invisible) flags |= bit(UrlFlag::kInvisible);
  if (starts_caseless(href, "mailto:")) {
    add_mailto(href.substr(7), flags, place.part);
    return;
  }
  Url target;
  if (!parse_link(href, place, target)) return;
  const uint32_t index = add(target, flags, place.part);
  search_queries();
  if (index != kNoIndex && anchor && !link.text.empty()) compare_shown(link, index);
}

void UrlCollector::compare_shown(const HtmlLink& link, uint32_t target_index) {
  const std::string_view text = trim_shown(link.text).substr(0, kShownBytesMax);
  UrlFinder& finder = scratch_.inner_finder;
  finder.candidates = 0;
  finder.candidates_max = 16;
  find_urls(text, finder);
  const Url target = batch_.urls.open_row()[target_index];
  Url shown;
  std::string_view found;
  uint32_t flags = 0;
  if (!finder.found.empty() && finder.found[0].begin == 0 &&
      finder.found[0].kind == FoundKind::kUrl) {
    found = text.substr(0, finder.found[0].end);
    if (parse_url(found, finder.found[0].guess, scratch_.parser, batch_.arena, shown)) {
      if (!is_web(shown.scheme) || !is_web(target.scheme)) return;
      flags = bit(UrlFlag::kUrlDisplayed);
      if (shown.host != target.host && shown.domain != target.domain &&
          !is_below(shown.host, target.host) &&
          !(is_redirector(target) && query_leads_to(target, shown.domain))) {
        flags |= bit(UrlFlag::kPhished) | bit(UrlFlag::kFromDisplayed);
      }
    }
  }
  if (flags == 0) {
    if (!claims_scheme(text) || !is_web(target.scheme)) return;
    found = text;
    flags = bit(UrlFlag::kPhished) | bit(UrlFlag::kObscured) | bit(UrlFlag::kFromDisplayed);
  }
  Url& kept = batch_.urls.open_row()[target_index];
  const bool worse = has(flags, UrlFlag::kPhished) && !has(kept.flags, UrlFlag::kPhished);
  kept.flags |= flags;
  if (!kept.shown.empty() && !worse) return;
  kept.shown = found;
  kept.shown_domain = shown.domain;
}

}  // namespace winnow
