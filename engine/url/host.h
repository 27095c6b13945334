// Host names as browsers take them: to a lower-case name of A-labels or an address.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace winnow {

struct HostScratch {
  std::vector<char> bytes;  // percent escapes undone, then mapped
  std::vector<char> name;   // the result
};

struct HostName {
  std::string_view name;  // lower case, A-labels; an address in canonical form without brackets
  uint32_t flags = 0;     // UrlFlag: kHostEncoded, kZeroWidth, kIdn, kNumeric, kObscured, ...
  bool ip6 = false;
};

// Normalises `raw`, the host of a URL as it stands between userinfo and port. Zero-width and bidi
// characters go (kZeroWidth), full-width letters and dots become ASCII (kUnnormalised), Unicode
// names become A-labels (kIdn), IPv4 in any notation that inet_aton reads becomes dotted
// (kNumeric, kObscured unless it was), "[...]" IPv6 canonical. What cannot stand in a host is
// percent-encoded or U+FFFD (kObscured). The result lives in `scratch` until the next call and
// normalises to itself.
HostName normalise_host(std::string_view raw, HostScratch& scratch);

// Whether `point` is shown as nothing: zero-width, bidi controls, soft hyphen, variation selectors.
bool is_zero_width(uint32_t point);

}  // namespace winnow
