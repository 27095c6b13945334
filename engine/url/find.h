// Finds what a reader (or his mail program) would take for a URL or an address in plain text.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/url/parse_url.h"

namespace winnow {

enum class FoundKind : uint8_t { kUrl, kEmail };

struct FoundUrl {
  uint32_t begin = 0;  // bytes of the text
  uint32_t end = 0;
  FoundKind kind = FoundKind::kUrl;
  UrlGuess guess = UrlGuess::kNone;  // kNone: the text names its scheme
  uint32_t address = 0;              // kEmail: where the address starts (after "mailto:")
  uint32_t address_end = 0;          // and ends (before "?subject=..."); empty in "mailto:?to=..."
};

struct UrlFinder {
  std::vector<FoundUrl> found;
  uint32_t candidates = 0;      // places looked at so far; the caller resets it for each message
  uint32_t candidates_max = 0;  // Limits::url_candidates_max
  uint64_t steps = 0;           // bytes walked beyond the scan itself, for tests of linear time
};

// Replaces finder.found by the URLs and addresses of `text` in order, without overlap. Invalid
// UTF-8 is allowed. False: candidates_max was passed, and what is after that was not looked at.
bool find_urls(std::string_view text, UrlFinder& finder);
bool find_urls_scalar(std::string_view text, UrlFinder& finder);  // the twin of the SIMD scan

}  // namespace winnow
