// Gathering of one message's URLs; link targets and what they show are in links.cc.
//
// A URL is the same as another if their normal forms are. Counts add up, flags are or-ed, the
// first place gives `found`, `part` and the order. A URL inside the query of another is added
// behind it (kQuery), to a depth of kQueryDepthMax: redirectors nest, and a query of n nested
// addresses would otherwise be read n times.
#include "engine/url/collect.h"

#include <xxhash.h>

#include <algorithm>

#include "engine/ascii.h"
#include "engine/url/bytes.h"
#include "engine/url/suffix.h"

namespace winnow {

namespace {

constexpr uint32_t kQueryDepthMax = 3;

bool starts_www(std::string_view text) { return text.size() > 4 && starts_caseless(text, "www."); }

// Whether a field of a mailto: URL names addresses.
bool holds_addresses(std::string_view field) {
  return equal_caseless(field, "to") || equal_caseless(field, "cc") || equal_caseless(field, "bcc");
}

// Where the next comma stands, escaped or not, and how many bytes it has; at the end none.
size_t find_comma(std::string_view text, size_t& bytes) {
  for (size_t at = text.find_first_of(",%"); at != text.npos;
       at = text.find_first_of(",%", at + 1)) {
    const bool escaped =
        at + 2 < text.size() && text[at + 1] == '2' && lower_ascii(text[at + 2]) == 'c';
    bytes = escaped ? 3 : 1;
    if (escaped || text[at] == ',') return at;
  }
  bytes = 0;
  return text.size();
}

}  // namespace

UrlCollector::UrlCollector(const UrlPlan& plan, UrlScratch& scratch, Batch& batch, uint32_t row)
    : plan_(plan), scratch_(scratch), batch_(batch), row_(row) {
  scratch_.urls.start_row();
  scratch_.emails.start_row();
  scratch_.pending.clear();
  scratch_.parser.bytes_max = plan.limits.url_bytes_max;
  scratch_.finder.candidates = 0;
  scratch_.finder.candidates_max = plan.limits.url_candidates_max;
}

bool UrlCollector::count_candidate() {
  if (scratch_.finder.candidates < plan_.limits.url_candidates_max) {
    ++scratch_.finder.candidates;
    return true;
  }
  batch_.facts[row_].faults.set(Fault::kLimitUrls);
  return false;
}

uint32_t UrlCollector::add(const Url& url, uint32_t flags, uint32_t part) {
  const std::span<Url> seen = batch_.urls.open_row();
  const uint32_t known = scratch_.urls.find(
      url.hash, [&](uint32_t index) { return seen[index].normal == url.normal; });
  if (known != kNoIndex) {
    seen[known].flags |= url.flags | flags;
    ++seen[known].count;
    return known;
  }
  if (seen.size() >= plan_.limits.urls_max) {
    batch_.facts[row_].faults.set(Fault::kLimitUrls);
    return kNoIndex;
  }
  const auto index = static_cast<uint32_t>(seen.size());
  Url& added = batch_.urls.values.emplace_back(url);
  added.flags |= flags;
  added.part = part;
  added.order = index;
  scratch_.urls.add(url.hash, index);
  if (!added.query.empty()) scratch_.pending.push_back({index, 0});
  return index;
}

void UrlCollector::add_email(Email email, uint32_t flags, uint32_t part) {
  const uint64_t hash = XXH3_64bits(email.address.data(), email.address.size());
  const std::span<Email> seen = batch_.emails.open_row();
  const uint32_t known = scratch_.emails.find(
      hash, [&](uint32_t index) { return seen[index].address == email.address; });
  if (known != kNoIndex) {
    seen[known].flags |= email.flags | flags;
    ++seen[known].count;
    return;
  }
  if (seen.size() >= plan_.limits.urls_max) {
    batch_.facts[row_].faults.set(Fault::kLimitUrls);
    return;
  }
  scratch_.emails.add(hash, static_cast<uint32_t>(seen.size()));
  email.flags |= flags;
  email.part = part;
  batch_.emails.values.push_back(email);
}

// Separated by commas, which may be escaped.
bool UrlCollector::add_addresses(std::string_view addresses, uint32_t flags, uint32_t part) {
  bool any = false;
  while (!addresses.empty()) {
    size_t comma = 0;
    std::string_view one = addresses.substr(0, find_comma(addresses, comma));
    addresses.remove_prefix(one.size() + comma);
    while (one.starts_with("%20")) one.remove_prefix(3);
    if (one.empty()) continue;
    if (!count_candidate()) break;
    if (one.size() > plan_.limits.url_bytes_max) continue;
    Email email;
    if (!parse_email(one, scratch_.parser, batch_.arena, email)) continue;
    add_email(email, flags, part);
    any = true;
  }
  return any;
}

bool UrlCollector::add_mailto(std::string_view rest, uint32_t flags, uint32_t part) {
  rest = past_mailto_slashes(rest);
  rest = rest.substr(0, rest.find('#'));
  const size_t question = std::min(rest.find('?'), rest.size());
  bool any = add_addresses(rest.substr(0, question), flags, part);
  rest.remove_prefix(question);
  while (!rest.empty()) {
    rest.remove_prefix(1);
    const std::string_view field = rest.substr(0, rest.find('&'));
    rest.remove_prefix(field.size());
    const size_t equals = field.find('=');
    if (equals == field.npos || !holds_addresses(field.substr(0, equals))) continue;
    any |= add_addresses(field.substr(equals + 1), flags, part);
  }
  return any;
}

bool UrlCollector::add_found(std::string_view text, const FoundUrl& place, uint32_t part,
                             uint32_t flags, uint32_t& url) {
  url = kNoIndex;
  if (place.kind == FoundKind::kEmail) {
    if (place.end > place.address_end) {
      return add_mailto(text.substr(place.address, place.end - place.address), flags, part);
    }
    const std::string_view address = text.substr(place.address, place.address_end - place.address);
    Email email;
    if (!parse_email(address, scratch_.parser, batch_.arena, email)) return false;
    add_email(email, flags, part);
    return true;
  }
  Url parsed;
  const std::string_view found = text.substr(place.begin, place.end - place.begin);
  if (!parse_url(found, place.guess, scratch_.parser, batch_.arena, parsed)) return false;
  url = add(parsed, flags, part);
  search_queries();
  return true;
}

void UrlCollector::add_text(std::string_view text, uint32_t part, uint32_t flags) {
  if (!find_urls(text, scratch_.finder)) batch_.facts[row_].faults.set(Fault::kLimitUrls);
  for (const FoundUrl& place : scratch_.finder.found) {
    uint32_t url;
    add_found(text, place, part, flags, url);
  }
}

void UrlCollector::add_body(uint32_t text_index, uint32_t flags) {
  Text& text = batch_.texts.row(row_)[text_index];
  if (!find_urls(text.plain, scratch_.finder)) batch_.facts[row_].faults.set(Fault::kLimitUrls);
  HtmlPlace html;
  html.part = text.part;
  std::span<const HtmlLink> links;
  if (text.html != kNoIndex) {
    html.html = &batch_.htmls.row(row_)[text.html];
    html.has_base =
        !html.html->base.empty() &&
        parse_url(html.html->base, UrlGuess::kNone, scratch_.parser, batch_.arena, html.base) &&
        html.base.scheme <= UrlScheme::kFtp;
    links = std::span<const HtmlLink>(batch_.html_links.row(row_))
                .subspan(html.html->links.begin, html.html->links.size());
  }
  const uint32_t where = html.html ? bit(UrlFlag::kHtml) : flags;
  size_t next_link = 0;
  uint32_t link_end = 0;  // of the rendered text that is inside a link
  for (const FoundUrl& place : scratch_.finder.found) {
    for (; next_link < links.size() && links[next_link].plain.begin <= place.begin; ++next_link) {
      add_link(links[next_link], html);
      link_end = std::max(link_end, links[next_link].plain.end);
    }
    const uint32_t shown = place.begin < link_end ? bit(UrlFlag::kHtmlDisplayed) : 0;
    uint32_t url;
    if (!add_found(text.plain, place, text.part, where | shown, url)) continue;
    batch_.url_spans.values.push_back(
        {.text = text_index, .begin = place.begin, .end = place.end, .url = url});
    text.url_bytes += place.end - place.begin;
  }
  for (; next_link < links.size(); ++next_link) add_link(links[next_link], html);
}

// Undoes the escapes of `query` once and searches it.
void UrlCollector::find_in_query(std::string_view query) {
  UrlFinder& finder = scratch_.inner_finder;
  finder.found.clear();
  finder.candidates = 0;
  finder.candidates_max = plan_.limits.url_candidates_max - scratch_.finder.candidates;
  scratch_.query.clear();
  const char* end = query.data() + query.size();
  for (const char* at = query.data(); at < end;) {
    const int value = url_bytes::escape_at(at, end);
    const char plain = *at == '&' ? ' ' : *at;  // between parameters nothing goes on
    scratch_.query.push_back(value < 0 ? plain : static_cast<char>(value));
    at += value < 0 ? 1 : 3;
  }
  const std::string_view text(scratch_.query.data(), scratch_.query.size());
  if (!find_urls(text, finder)) batch_.facts[row_].faults.set(Fault::kLimitUrls);
  scratch_.finder.candidates += finder.candidates;
}

void UrlCollector::search_queries() {
  while (!scratch_.pending.empty()) {
    const UrlScratch::Pending next = scratch_.pending.back();
    scratch_.pending.pop_back();
    const Url outer = batch_.urls.open_row()[next.url];
    find_in_query(outer.query);
    for (const FoundUrl& place : scratch_.inner_finder.found) {
      if (place.kind != FoundKind::kUrl) continue;
      const std::string_view found(scratch_.query.data() + place.begin, place.end - place.begin);
      if (place.guess != UrlGuess::kNone && !starts_www(found)) continue;
      Url inner;
      const std::string_view kept = batch_.arena.copy(found);
      if (!parse_url(kept, place.guess, scratch_.parser, batch_.arena, inner)) continue;
      const size_t pending = scratch_.pending.size();
      add(inner, bit(UrlFlag::kQuery), outer.part);
      if (scratch_.pending.size() == pending) continue;
      scratch_.pending.back().depth = next.depth + 1;
      if (next.depth + 1 >= kQueryDepthMax) scratch_.pending.pop_back();
    }
  }
}

namespace {

// Whether `host` is `name` and the suffix of a country behind it: "de", "co.uk", "com.br". Other
// public suffixes are for everybody ("blogspot.com").
bool is_below_country(std::string_view host, std::string_view name) {
  if (!host.starts_with(name)) return false;
  std::string_view suffix = host.substr(name.size());
  if (find_suffix(host).tld != suffix || !find_suffix(host).known) return false;
  for (const std::string_view kind : {"co.", "com."})
    if (suffix.starts_with(kind)) suffix.remove_prefix(kind.size());
  return suffix.size() == 2;
}

// Whether a value begins with two slashes, which for browsers is a host behind the scheme at hand.
bool holds_bare_authority(std::string_view query) {
  const auto is_slash = [&](size_t at) { return query[at] == '/' || query[at] == '\\'; };
  for (size_t at = 0; at + 1 < query.size(); ++at)
    if (is_slash(at) && is_slash(at + 1) &&
        (at == 0 || query[at - 1] == '=' || static_cast<uint8_t>(query[at - 1]) <= ' '))
      return true;
  return false;
}

}  // namespace

bool UrlCollector::is_redirector(const Url& target) const {
  return std::ranges::any_of(plan_.redirectors, [&](std::string_view one) {
    if (one.starts_with('.')) return target.host.ends_with(one);
    const size_t slash = one.find('/');
    const std::string_view host = one.substr(0, slash);
    const bool same = host.ends_with('*')
                          ? is_below_country(target.host, host.substr(0, host.size() - 1))
                          : target.host == host;
    return same && (slash == one.npos || target.path == one.substr(slash + 1));
  });
}

// Whether all that the query names is of that domain: which of several is opened is not known. A
// host without a scheme may be the one that is opened, but does not clear.
bool UrlCollector::query_leads_to(const Url& target, std::string_view domain) {
  if (target.query.empty()) return false;
  find_in_query(target.query);
  if (holds_bare_authority({scratch_.query.data(), scratch_.query.size()})) return false;
  bool leads = false;
  for (const FoundUrl& place : scratch_.inner_finder.found) {
    if (place.kind != FoundKind::kUrl) continue;
    const std::string_view found(scratch_.query.data() + place.begin, place.end - place.begin);
    Url inner;
    if (!parse_url(found, place.guess, scratch_.parser, batch_.arena, inner)) continue;
    if (inner.domain != domain) return false;
    leads |= place.guess == UrlGuess::kNone || starts_www(found);
  }
  return leads;
}

}  // namespace winnow
