#include "pipeline/lookup/dns_servers.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "engine/ascii.h"
#include "rules/config/server_text.h"

namespace winnow {

namespace {

constexpr size_t kServersMax = 32;
constexpr uint32_t kPriorityMax = 1'000'000;
constexpr std::string_view kBlank = " \t\r";

bool is_address(const std::string& text) {
  unsigned char bytes[16];
  return inet_pton(AF_INET, text.c_str(), bytes) == 1 ||
         inet_pton(AF_INET6, text.c_str(), bytes) == 1;
}

Result<uint32_t> read_priority(std::string_view text, std::string_view server) {
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > kPriorityMax)
    return fail(fmt::format("\"{}\": the priority is no number", server));
  return std::max(1u, value);
}

// host[:port[:priority]]
Result<DnsServer> read_server(std::string_view text) {
  const Result<ServerText> said = split_server(text);
  const std::string address(said ? said->host : text.substr(0, text.find(':')));
  // What is wrong with the rest is worth a word only where there is an address.
  if (!said && (text.starts_with('[') || is_address(address))) return fail(said.error());
  if (!said || !is_address(address))
    return fail(
        fmt::format("\"{}\" is no address of a name server: write an IPv4 or IPv6 address, "
                    "and the latter in brackets where a port follows",
                    text));
  DnsServer server{.address = address, .port = said->port.value_or(53)};
  if (!said->more) return server;
  const Result<uint32_t> priority = read_priority(*said->more, text);
  if (!priority) return fail(priority.error());
  server.priority = *priority;
  return server;
}

// The `nameserver` lines (resolv.conf(5)).
Result<void> add_resolv_conf(std::string_view text, const std::string& path, DnsServers& to) {
  const size_t before = to.list.size();
  while (!text.empty()) {
    const size_t end = text.find('\n');
    std::string_view line = trimmed(text.substr(0, end), kBlank);
    text = end == text.npos ? std::string_view() : text.substr(end + 1);
    if (!line.starts_with("nameserver") || line.size() < 11 || kBlank.find(line[10]) == kBlank.npos)
      continue;
    line = trimmed(line.substr(10), kBlank);
    if (is_address(std::string(line)) && to.list.size() < kServersMax)
      to.list.push_back({.address = std::string(line)});
  }
  if (to.list.size() == before) return fail(fmt::format("{} names no server", path));
  return {};
}

}  // namespace

std::string DnsServer::text() const { return server_text(address, port); }

Result<void> add_nameservers(std::string_view entry, DnsServers& to,
                             Result<std::string> (*read)(const std::string& path)) {
  const ServerList list = split_servers(entry);
  if (list.order)
    to.order = list.order == ServerOrder::kRandom ? ServerOrder::kRoundRobin : *list.order;
  for (const std::string_view one : list.servers) {
    if (one.starts_with('/')) {
      const Result<std::string> text = read(std::string(one));
      if (!text) return fail(text.error());
      if (Result<void> added = add_resolv_conf(*text, std::string(one), to); !added) return added;
      continue;
    }
    Result<DnsServer> server = read_server(one);
    if (!server) return fail(server.error());
    if (to.list.size() == kServersMax)
      return fail(fmt::format("more than {} name servers", kServersMax));
    to.list.push_back(std::move(*server));
  }
  return {};
}

ServerHealth::ServerHealth(const DnsServers& servers)
    : servers_(servers), states_(servers.list.size()), credit_(servers.list.size()) {}

bool ServerHealth::alive(size_t server, Clock::time_point now) const {
  const State& state = states_[server];
  return state.failures < kFailuresMax || now >= state.out_until;
}

void ServerHealth::failed(size_t server, Clock::time_point now) {
  State& state = states_[server];
  if (++state.failures >= kFailuresMax) state.out_until = now + kRetry;
}

size_t ServerHealth::first_of_order(uint32_t name_hash, uint32_t usable) {
  const size_t n = states_.size();
  const auto can = [&](size_t i) { return (usable >> i & 1) != 0; };
  if (servers_.order == ServerOrder::kHash) {
    for (size_t i = 0; i < n; ++i)
      if (const size_t at = (name_hash + i) % n; can(at)) return at;
  }
  size_t best = n;
  if (servers_.order == ServerOrder::kMasterSlave) {
    for (size_t i = 0; i < n; ++i)
      if (can(i) && (best == n || servers_.list[i].priority > servers_.list[best].priority))
        best = i;
    return best;
  }
  int64_t sum = 0;
  for (size_t i = 0; i < n; ++i) {
    if (!can(i)) continue;
    credit_[i] += servers_.list[i].priority;
    sum += servers_.list[i].priority;
    if (best == n || credit_[i] > credit_[best]) best = i;
  }
  credit_[best] -= sum;
  return best;
}

size_t ServerHealth::choose(uint32_t name_hash, uint32_t tried, Clock::time_point now) {
  const size_t n = states_.size();
  uint32_t all_alive = 0;
  for (size_t i = 0; i < n; ++i) all_alive |= uint32_t{alive(i, now)} << i;
  // Untried and alive, alive, then the one that is out longest.
  for (const uint32_t usable : {all_alive & ~tried, all_alive}) {
    if (usable == 0) continue;
    const size_t chosen = first_of_order(name_hash, usable);
    State& state = states_[chosen];
    // One question tries a server that was out; the others wait for what becomes of it.
    if (state.failures >= kFailuresMax) state.out_until = now + kRetry;
    return chosen;
  }
  size_t oldest = 0;
  for (size_t i = 1; i < n; ++i)
    if (states_[i].out_until < states_[oldest].out_until) oldest = i;
  return oldest;
}

}  // namespace winnow
