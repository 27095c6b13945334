// Servers as people write them in configuration and on command lines: "host:port", and lists of
// them as Rspamd's upstreams have it. Pure: no name is looked up here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/result.h"

namespace winnow {

// "host", "host:port", "host:port:more", "[::1]:port:more", "::1". Views into the text.
struct ServerText {
  std::string_view host;  // without brackets, never empty; a name, an address or whatever was there
  std::optional<uint16_t> port;
  std::optional<std::string_view> more;  // behind the second colon: a priority, a weight
};

// Errors: no host, a "[" without "]", no IPv6 address where only one may stand, a port that is not
// from `port_min` to 65535. Each names the text.
Result<ServerText> split_server(std::string_view text, uint16_t port_min = 1);

// "host:port"; an IPv6 address gets its brackets where it has none (RFC 3986, 3.2.2).
std::string server_text(std::string_view host, uint16_t port);

// How one of several servers is chosen.
enum class ServerOrder : uint8_t {
  kRoundRobin,   // in turn, by their priorities where they have any
  kMasterSlave,  // the first that answers
  kHash,         // what is asked about goes to the same server
  kRandom,
};

// "master-slave:a, b:25;c": what stands between commas and semicolons, without blanks around it.
struct ServerList {
  std::optional<ServerOrder> order;  // nothing where none is said
  std::vector<std::string_view> servers;
};
ServerList split_servers(std::string_view text);

}  // namespace winnow
