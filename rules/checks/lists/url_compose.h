// Which part of a link's host a list is asked about (url_compose_map): by default its
// organisational domain, and below domains that rent their names out more of it. A line of the map
// is one of
//   example.com      one label more than this domain: of a.b.example.com "b.example.com"
//   *.example.com    the whole host
//   !example.com     the organisational domain all the same, for it and what is below it
// Exceptions come first, then *., then the longest of the plain ones. As Rspamd 3.4 does it, found
// by asking it (tests/peer/README.md); there letters of the map must be small, here their case does
// not matter.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "rules/maps/map.h"

namespace winnow {

class UrlCompose {
 public:
  // REQUIRED: a map of kind kLines. `warn` is told of lines that are none of these.
  UrlCompose(const Map& lines, const std::function<void(std::string)>& warn);

  // A view into `host` (lower case), or `domain`, the organisational domain of it.
  std::string_view part(std::string_view host, std::string_view domain) const;

 private:
  std::set<std::string, std::less<>> plain_, whole_, excepted_;
};

}  // namespace winnow
