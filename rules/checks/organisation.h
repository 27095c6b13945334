// The organisation that a host or a mail domain belongs to: its domain under the public suffix.
#pragma once

#include <string_view>

#include "engine/url/suffix.h"

namespace winnow {

// Empty for names without a dot and for IPv4 addresses. REQUIRED: `host` is lower case.
inline std::string_view organisation(std::string_view host) {
  if (host.find('.') == std::string_view::npos) return {};
  if (host.find_first_not_of("0123456789.") == std::string_view::npos) return {};
  return find_suffix(host).domain;
}

}  // namespace winnow
