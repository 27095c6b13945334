// Shapes of URLs that honest senders rarely need.
#include <algorithm>
#include <array>

#include "engine/mime/ip.h"
#include "rules/checks/check.h"
#include "rules/checks/row.h"
#include "rules/checks/text.h"

namespace winnow {

namespace {

enum Sym : uint32_t {
  kUserPassword,
  kUserLong,
  kUserVeryLong,
  kNumericIp,
  kNumericIpUser,
  kNumericPrivate,
  kNoTld,
  kSuspiciousTld,
  kDots,
  kVeryLong,
  kAtSigns,
  kBackslash,
  kRtl,
  kZeroWidth,
  kQueryUrls,
  kRedirect,
  kInSubject,
  kCount
};

constexpr std::array<SymbolDecl, kCount> kSymbols{{
    {"URL_USER_PASSWORD", "url_suspect", 2, "A URL carries a user name."},
    {"URL_USER_LONG", "url_suspect", 3, "A URL carries a user name over 128 bytes."},
    {"URL_USER_VERY_LONG", "url_suspect", 5, "A URL carries a user name over 256 bytes."},
    {"URL_NUMERIC_IP", "url_suspect", 1.5, "A URL's host is an IP address."},
    {"URL_NUMERIC_IP_USER", "url_suspect", 4, "A URL's host is an IP address behind a user name."},
    {"URL_NUMERIC_PRIVATE_IP", "url_suspect", 0.5, "A URL's host is a private IP address."},
    {"URL_NO_TLD", "url_suspect", 2, "A URL's host has no public suffix."},
    {"URL_SUSPICIOUS_TLD", "url_suspect", 3, "A URL is under a suffix that is given away."},
    {"URL_EXCESSIVE_DOTS", "url_suspect", 2, "A URL's host has more than six dots."},
    {"URL_VERY_LONG", "url_suspect", 1.5, "A URL is longer than 2048 bytes."},
    {"URL_MULTIPLE_AT_SIGNS", "url_suspect", 3, "A URL has more than two at-signs.", true},
    {"URL_BACKSLASH_PATH", "url_suspect", 2, "A URL hides behind a backslash.", true},
    {"URL_RTL_OVERRIDE", "url_suspect", 6, "A URL turns the direction of writing."},
    {"URL_ZERO_WIDTH_SPACES", "url_suspect", 7, "A URL's host has invisible characters."},
    {"URL_QUERY_MULTIPLE_URLS", "url_suspect", 2, "A URL's query holds more than one URL.", true},
    {"URL_OBSCURED", "url_suspect", 0, "A URL is written to hide what it opens."},
    {"URL_IN_SUBJECT", "subject", 4, "The Subject holds a URL."},
}};

constexpr std::array<std::string_view, 5> kGivenAway{"tk", "ml", "ga", "cf", "gq"};

bool has(const Url& url, UrlFlag flag) { return url.flags & static_cast<uint32_t>(flag); }

void user_part(const CheckPlan& plan, Batch& batch, uint32_t row, const Url& url) {
  if (url.user.empty() || url.scheme == UrlScheme::kMailto) return;
  if (url.user.size() > 256)
    insert(plan, batch, row, kUserVeryLong, number_text(batch.arena, url.user.size()));
  else if (url.user.size() > 128)
    insert(plan, batch, row, kUserLong, number_text(batch.arena, url.user.size()));
  else
    insert(plan, batch, row, kUserPassword, url.host);
}

void host(const CheckPlan& plan, Batch& batch, uint32_t row, const Url& url) {
  if (has(url, UrlFlag::kNumeric)) {
    const auto ip = parse_ip(url.host);
    const bool local = ip && is_local_ip(*ip);
    insert(plan, batch, row,
           local              ? kNumericPrivate
           : url.user.empty() ? kNumericIp
                              : kNumericIpUser,
           url.host);
    return;
  }
  if (has(url, UrlFlag::kNoTld)) insert(plan, batch, row, kNoTld, url.host);
  if (std::ranges::find(kGivenAway, url.tld) != kGivenAway.end())
    insert(plan, batch, row, kSuspiciousTld, url.tld);
  const auto dots = std::ranges::count(url.host, '.');
  if (dots > 6) insert(plan, batch, row, kDots, number_text(batch.arena, dots));
  if (has(url, UrlFlag::kZeroWidth)) insert(plan, batch, row, kZeroWidth, "zw");
}

void whole(const CheckPlan& plan, Batch& batch, uint32_t row, const Url& url) {
  if (url.found.size() > 2048)
    insert(plan, batch, row, kVeryLong, number_text(batch.arena, url.found.size()));
  const auto ats = std::ranges::count(url.found, '@');
  if (ats > 2) insert(plan, batch, row, kAtSigns, number_text(batch.arena, ats));
  if (has(url, UrlFlag::kObscured)) {
    insert(plan, batch, row, kRedirect, url.host);
    if (url.found.find('\\') != std::string_view::npos)
      insert(plan, batch, row, kBackslash, url.host);
  }
  if (url.found.find("\xe2\x80\xae") != std::string_view::npos)
    insert(plan, batch, row, kRtl, url.host);
  size_t inner = 0;
  for (size_t at = 0; (at = url.query.find("://", at)) != std::string_view::npos; at += 3) ++inner;
  if (inner > 1) insert(plan, batch, row, kQueryUrls, number_text(batch.arena, inner));
}

void content(const CheckPlan& plan, Batch& batch) {
  for (uint32_t row = 0; row < batch.rows; ++row) {
    const Header* const subject = batch.facts[row].subject == kNoIndex
                                      ? nullptr
                                      : &batch.headers.row(row)[batch.facts[row].subject];
    for (const Url& url : batch.urls.row(row)) {
      user_part(plan, batch, row, url);
      host(plan, batch, row, url);
      whole(plan, batch, row, url);
      // A bare name is a URL to some programs; in a Subject it is mostly the name of a company.
      const bool bare = has(url, UrlFlag::kSchemaless) && !starts_caseless(url.host, "www.");
      if (subject && has(url, UrlFlag::kSubject) && !bare)
        insert(plan, batch, row, kInSubject, url.host,
               has(url, UrlFlag::kSchemaless)  ? 0.1
               : subject->decoded == url.found ? 1.0
                                               : 0.25);
    }
  }
}

}  // namespace

extern constexpr Check kUrlSuspect{
    .name = "url_suspect",
    .text = "Looks for URLs of shapes that honest senders rarely need.",
    .symbols = kSymbols,
    .content = content,
};

}  // namespace winnow
