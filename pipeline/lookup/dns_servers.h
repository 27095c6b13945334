// Which name servers there are, and which is asked next.
//
// Written as Rspamd's `options { dns { nameserver } }`: "192.0.2.1", "192.0.2.1:53:10" (port,
// priority), "[2001:db8::1]:53", a path of a resolv.conf, several of them with commas; before them
// may stand how one is chosen: "round-robin:", "master-slave:", "hash:".
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/result.h"
#include "rules/config/server_text.h"

namespace winnow {

struct DnsServer {
  std::string address;  // IPv4 or IPv6, no brackets
  uint16_t port = 53;
  uint32_t priority = 1;

  std::string text() const;  // "192.0.2.1:53", "[2001:db8::1]:53"
  bool operator==(const DnsServer&) const = default;
};

struct DnsServers {
  std::vector<DnsServer> list;
  // In turn and in proportion to their priorities; the first of the highest priority that answers;
  // or a name goes to the same server. Never kRandom.
  ServerOrder order = ServerOrder::kRoundRobin;
  bool operator==(const DnsServers&) const = default;
};

// Adds what one entry of `nameserver` says. Files are read through `read` (path → text).
// Errors: no address, a port or priority out of range, a file without `nameserver` lines.
Result<void> add_nameservers(std::string_view entry, DnsServers& to,
                             Result<std::string> (*read)(const std::string& path));

// Who answers, and who does not. Not thread-safe.
//
// A server that did not answer kFailuresMax times in a row is left out for kRetry; then one
// question tries it. Where all are out, the one that is out longest is asked: never nobody.
class ServerHealth {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr unsigned kFailuresMax = 3;
  static constexpr std::chrono::seconds kRetry{5};

  explicit ServerHealth(const DnsServers& servers);
  // The next server for a question. `tried`: bits of those that it was sent to already, which are
  // taken only where there is no other. REQUIRED: there is a server, there are at most 32.
  size_t choose(uint32_t name_hash, uint32_t tried, Clock::time_point now);
  void answered(size_t server) { states_[server] = {}; }
  void failed(size_t server, Clock::time_point now);
  bool alive(size_t server, Clock::time_point now) const;

 private:
  struct State {
    unsigned failures = 0;
    Clock::time_point out_until = {};
  };
  size_t first_of_order(uint32_t name_hash, uint32_t usable);

  const DnsServers servers_;
  std::vector<State> states_;
  std::vector<int64_t> credit_;  // smooth weighted round robin
};

}  // namespace winnow
