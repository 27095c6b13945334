// The authority of a URL.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace winnow {

// "host:port"; an IPv6 address gets its brackets where it has none (RFC 3986, 3.2.2).
inline std::string authority_of(std::string_view host, uint16_t port) {
  const bool bare_v6 = host.find(':') != std::string_view::npos && !host.starts_with('[');
  return bare_v6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

}  // namespace winnow
