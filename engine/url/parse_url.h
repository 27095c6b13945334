// One URL: from the text somebody wrote to the parts a browser would act on.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/arena.h"
#include "engine/batch.h"
#include "engine/url/host.h"

namespace winnow {

// The scheme of text that names none ("www.example.com").
enum class UrlGuess : uint8_t { kNone, kHttp, kFtp };

// Room that one worker keeps between URLs.
struct UrlParser {
  HostScratch host;
  std::vector<char> clean;      // the text without what browsers skip
  uint32_t bytes_max = 16'384;  // Limits::url_bytes_max
};

// Parses `found` (valid UTF-8 or not) as a browser's address bar would, and normalises it. False:
// no URL (no scheme and no guess, no host where the scheme needs one). Sets every member of `out`
// but count, part, order, shown and shown_domain; flags are those that its own text explains.
// out.found views `found`; all other views point into the arena. Linear in `found`.
// Normalising out.normal again gives out.normal.
bool parse_url(std::string_view found, UrlGuess guess, UrlParser& parser, Arena& arena, Url& out);

// Parses "user@host", the escapes of a mailto: URL undone. False: no address. The host is
// normalised like a URL's. `found` is copied where it has to be.
bool parse_email(std::string_view found, UrlParser& parser, Arena& arena, Email& out);
// What follows "mailto:" without slashes in front, and blanks, which parse_email() drops: else a
// slash could come to stand in front.
std::string_view past_mailto_slashes(std::string_view rest);

// Scheme named by `name` (any case, without the colon); "hxxp" and "hxxps" set `disguised`.
UrlScheme scheme_of(std::string_view name, bool& disguised);

constexpr uint32_t bit(UrlFlag flag) { return static_cast<uint32_t>(flag); }
constexpr bool has(uint32_t flags, UrlFlag flag) { return flags & bit(flag); }

}  // namespace winnow
