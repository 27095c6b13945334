#include "rules/checks/lists/url_compose.h"

#include <fmt/format.h>

#include "rules/checks/auth/dns_name.h"
#include "rules/checks/auth/tag_list.h"

namespace winnow {

namespace {

// What is left of a name without its first label; empty where that was all.
std::string_view parent(std::string_view name) {
  const size_t dot = name.find('.');
  return dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1);
}

}  // namespace

UrlCompose::UrlCompose(const Map& lines, const std::function<void(std::string)>& warn) {
  for (const MapPattern& line : lines.patterns()) {
    std::string_view text = trimmed(std::string_view(line.regex));
    if (text.empty() || text.starts_with('#')) continue;
    text = text.substr(0, text.find_first_of(" \t"));
    auto* to = &plain_;
    if (text.starts_with('!')) {
      to = &excepted_;
      text.remove_prefix(1);
    } else if (text.starts_with("*.")) {
      to = &whole_;
      text.remove_prefix(2);
    }
    const DnsName name(text);
    if (name.empty() || text.find_first_of("*/!") != std::string_view::npos)
      warn(fmt::format("line {} of url_compose_map is no rule: {}", line.line, line.regex));
    else
      to->emplace(name.view());
  }
}

std::string_view UrlCompose::part(std::string_view host, std::string_view domain) const {
  bool whole = false;
  for (std::string_view name = host; !name.empty(); name = parent(name)) {
    if (excepted_.contains(name)) return domain;
    whole |= whole_.contains(name);
  }
  if (whole) return host;
  std::string_view below = host;
  for (std::string_view name = host; !name.empty(); name = parent(name)) {
    if (plain_.contains(name)) return below;
    below = name;
  }
  return domain;
}

}  // namespace winnow
