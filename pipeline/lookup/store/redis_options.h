// Which Redis or Valkey servers there are and how they are spoken to, as Rspamd's `redis { … }`
// says it. Pure: nobody is asked here.
//
// A server is "host", "host:port", "host:port:priority", "[::1]:6379" or the path of a unix socket;
// a list of them may stand in one text with commas, after how one of them is chosen:
// "master-slave:", "round-robin:", "random:", "hash:".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/result.h"
#include "rules/config/server_text.h"

namespace winnow {

class UclObject;

struct RedisServer {
  std::string host;  // a name, an IPv4 or IPv6 address without brackets; or the path of a socket
  uint16_t port = 6379;

  bool is_unix() const { return host.starts_with('/'); }
  std::string text() const;  // "192.0.2.1:6379", "[::1]:6379", "/run/redis.sock"
  auto operator<=>(const RedisServer&) const = default;
};

struct RedisServers {
  std::vector<RedisServer> list;
  // kHash: the one that has what is asked about (RedisBatch::shard), and no other.
  ServerOrder order = ServerOrder::kRoundRobin;
  bool operator==(const RedisServers&) const = default;
};

struct RedisOptions {
  RedisServers read, write;
  std::string username, password;
  uint32_t db = 0;
  uint32_t timeout_ms = 1'000;    // of one exchange, connecting included
  uint32_t connections_max = 16;  // to one server at once; more callers wait for one
  bool tls = false, tls_verify = true;
  std::string tls_ca, tls_ca_dir, tls_cert, tls_key, tls_name;
  std::vector<RedisServer> sentinels;
  std::string sentinel_master;  // a name; "^x" begins, "x$" ends, else contains; empty: the first
  std::string sentinel_username, sentinel_password;
  uint32_t sentinel_watch_ms = 60'000;
  uint32_t sentinel_failures = 2;  // of a master, before the sentinels are asked again
  bool operator==(const RedisOptions&) const = default;
};

// Adds what one text says. Errors: no host, a port out of range.
Result<void> add_redis_servers(std::string_view text, RedisServers& to, uint16_t port = 6379);

// Options for a user of Redis: the keys of `section` itself, else of `redis { }` in it, else of
// `redis { NAME { } }`, else of `redis { }` at the top. Errors, with their place: no servers
// anywhere, a server that is none, a number out of range. `timeout_key`: what the time-out is
// called in `section` itself, where `timeout` means something else there.
Result<RedisOptions> redis_options(const UclObject& root, const UclObject* section,
                                   std::string_view name, std::string_view timeout_key = "timeout");

}  // namespace winnow
