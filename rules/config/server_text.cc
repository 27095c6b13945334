#include "rules/config/server_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "engine/ascii.h"
#include "engine/mime/ip.h"

namespace winnow {

namespace {

// Takes the host off the front of `rest`.
Result<std::string_view> take_host(std::string_view& rest) {
  const std::string_view text = rest;
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == text.npos) return fail(fmt::format("\"{}\" has no ]", text));
    const std::string_view host = text.substr(1, end - 1);
    rest = text.substr(end + 1);
    if (!parse_ip(host) || (!rest.empty() && rest[0] != ':'))
      return fail(fmt::format("\"{}\" is no [IPv6 address]:port", text));
    return host;
  }
  if (parse_ip(text)) {
    rest = {};
    return text;
  }
  if (std::ranges::count(text, ':') > 2)
    return fail(fmt::format("\"{}\" is no IPv6 address", text));
  const size_t colon = std::min(text.find(':'), text.size());
  if (colon == 0) return fail(fmt::format("\"{}\" names no host", text));
  rest = text.substr(colon);
  return text.substr(0, colon);
}

}  // namespace

Result<ServerText> split_server(std::string_view text, uint16_t port_min) {
  std::string_view rest = text;
  const Result<std::string_view> host = take_host(rest);
  if (!host) return fail(host.error());
  ServerText out{.host = *host, .port = {}, .more = {}};
  if (rest.empty()) return out;
  rest.remove_prefix(1);
  const size_t colon = rest.find(':');
  const std::string_view digits = rest.substr(0, colon);
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size() || port < port_min)
    return fail(fmt::format("\"{}\" has no port from {} to 65535", text, port_min));
  out.port = port;
  if (colon != rest.npos) out.more = rest.substr(colon + 1);
  return out;
}

std::string server_text(std::string_view host, uint16_t port) {
  const bool bare_v6 = host.find(':') != host.npos && !host.starts_with('[');
  return bare_v6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

ServerList split_servers(std::string_view text) {
  constexpr std::pair<std::string_view, ServerOrder> kOrders[] = {
      {"round-robin:", ServerOrder::kRoundRobin},
      {"master-slave:", ServerOrder::kMasterSlave},
      {"sequential:", ServerOrder::kMasterSlave},
      {"random:", ServerOrder::kRandom},
      {"hash:", ServerOrder::kHash}};
  ServerList out;
  for (const auto& [prefix, order] : kOrders) {
    if (!text.starts_with(prefix)) continue;
    text.remove_prefix(prefix.size());
    out.order = order;
    break;
  }
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of(",;"), text.size());
    if (const std::string_view one = trimmed(text.substr(0, end), " \t\r"); !one.empty())
      out.servers.push_back(one);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

}  // namespace winnow
