#include "pipeline/lookup/store/redis_options.h"

#include <fmt/format.h>

#include <algorithm>

#include "rules/config/ucl.h"

namespace winnow {

namespace {

Result<RedisServer> read_server(std::string_view text, uint16_t port) {
  if (text.starts_with('/')) return RedisServer{.host = std::string(text), .port = port};
  // What stands behind a second colon is a priority, which only an order of masters reads.
  const Result<ServerText> said = split_server(text);
  if (!said) return fail(said.error());
  return RedisServer{.host = std::string(said->host), .port = said->port.value_or(port)};
}

// Where an option is looked up, nearest first.
class Places {
 public:
  // `timeout_key`: what `timeout` is called in the section itself.
  Places(const UclObject& root, const UclObject* section, std::string_view name,
         std::string_view timeout_key)
      : section_(section), timeout_key_(timeout_key) {
    if (section) {
      add(section->find("redis"));
      add(section);
    }
    const UclObject* const shared = root.find("redis");
    if (!shared) return;
    for (const UclObject& one : shared->values()) {
      if (!one.is_object()) continue;
      const std::vector<std::string_view> off = one.strings("disabled_modules");
      if (std::ranges::find(off, name) != off.end()) return;
    }
    if (shared->is_object()) add(shared->find(name));
    add(shared);
  }
  const UclObject* find(std::string_view key) const {
    for (const UclObject* const place : at_)
      for (const UclObject& one : place->values())
        if (one.is_object())
          if (const UclObject* const value = one.find(name_in(place, key))) return value;
    return nullptr;
  }
  const UclObject* find(std::initializer_list<std::string_view> keys) const {
    for (const std::string_view key : keys)
      if (const UclObject* const value = find(key)) return value;
    return nullptr;
  }

 private:
  void add(const UclObject* place) {
    if (place) at_.push_back(place);
  }
  std::string_view name_in(const UclObject* place, std::string_view key) const {
    return place == section_ && key == "timeout" ? timeout_key_ : key;
  }
  const UclObject* const section_;
  const std::string_view timeout_key_;
  std::vector<const UclObject*> at_;
};

tl::unexpected<Error> wrong(const UclObject& at, std::string what) {
  return fail_at(at.last_value().place(), std::move(what));
}

Result<void> read_servers(const UclObject* from, RedisServers& to, uint16_t port = 6379) {
  if (!from) return {};
  for (const UclObject* const one : from->list())
    if (Result<void> added = add_redis_servers(one->as_string().value_or(""), to, port); !added)
      return fail_at(one->place(), fmt::format("redis: {}", added.error().what));
  return {};
}

void read_text(const Places& places, std::initializer_list<std::string_view> keys,
               std::string& to) {
  if (const UclObject* const value = places.find(keys))
    to = value->last_value().as_string().value_or("");
}

void read_flag(const Places& places, std::string_view key, bool& to) {
  if (const UclObject* const value = places.find(key))
    to = value->last_value().as_bool().value_or(to);
}

// Seconds, kept as milliseconds.
Result<void> read_time(const Places& places, std::string_view key, uint32_t& to) {
  const UclObject* const value = places.find(key);
  if (!value) return {};
  const std::optional<double> seconds = value->last_value().as_seconds();
  if (!seconds || !(*seconds > 0) || *seconds > 86'400)
    return wrong(*value, fmt::format("redis: {} must be a time over 0, at most a day", key));
  to = std::max(1u, static_cast<uint32_t>(*seconds * 1000));
  return {};
}

Result<void> read_db(const Places& places, uint32_t& to) {
  const UclObject* const value = places.find({"db", "dbname", "database"});
  if (!value) return {};
  const std::optional<int64_t> number = value->last_value().as_int();
  if (!number || *number < 0 || *number > 1'000'000)
    return wrong(*value, "redis: db is the number of a database, from 0");
  to = static_cast<uint32_t>(*number);
  return {};
}

Result<void> read_sentinels(const Places& places, RedisOptions& out) {
  RedisServers sentinels;
  if (Result<void> good = read_servers(places.find("sentinels"), sentinels, 26379); !good)
    return good;
  out.sentinels = std::move(sentinels.list);
  read_text(places, {"sentinel_masters_pattern"}, out.sentinel_master);
  read_text(places, {"sentinel_username"}, out.sentinel_username);
  read_text(places, {"sentinel_password"}, out.sentinel_password);
  if (const UclObject* const value = places.find("sentinel_master_maxerrors"))
    out.sentinel_failures = static_cast<uint32_t>(
        std::clamp<int64_t>(value->last_value().as_int().value_or(2), 1, 1'000));
  return read_time(places, "sentinel_watch_time", out.sentinel_watch_ms);
}

}  // namespace

std::string RedisServer::text() const { return is_unix() ? host : server_text(host, port); }

Result<void> add_redis_servers(std::string_view text, RedisServers& to, uint16_t port) {
  const ServerList list = split_servers(text);
  if (list.order) to.order = *list.order;
  if (list.servers.empty()) return fail("a Redis server is to be named, and none is");
  for (const std::string_view one : list.servers) {
    Result<RedisServer> server = read_server(one, port);
    if (!server) return fail(std::move(server.error()));
    to.list.push_back(std::move(*server));
  }
  return {};
}

Result<RedisOptions> redis_options(const UclObject& root, const UclObject* section,
                                   std::string_view name, std::string_view timeout_key) {
  const Places places(root, section, name, timeout_key);
  RedisOptions out;
  const UclObject* const both = places.find({"servers", "server"});
  const UclObject* const read = places.find("read_servers");
  const UclObject* const write = places.find("write_servers");
  if (Result<void> good = read_servers(read ? read : both ? both : write, out.read); !good)
    return fail(good.error());
  if (Result<void> good = read_servers(write ? write : both ? both : read, out.write); !good)
    return fail(good.error());
  if (Result<void> good = read_sentinels(places, out); !good) return fail(good.error());
  if (out.read.list.empty() && out.sentinels.empty()) {
    const std::string what = fmt::format(
        "{}: Redis is asked for, and no server is named: set servers in redis {{ }}", name);
    return section ? fail_at(section->key_place(), what) : fail(what);
  }
  read_text(places, {"username"}, out.username);
  read_text(places, {"password"}, out.password);
  if (Result<void> good = read_db(places, out.db); !good) return fail(good.error());
  if (Result<void> good = read_time(places, "timeout", out.timeout_ms); !good)
    return fail(good.error());
  read_flag(places, "ssl", out.tls);
  bool any_certificate = false;
  read_flag(places, "no_ssl_verify", any_certificate);
  out.tls_verify = !any_certificate;
  read_text(places, {"ssl_ca"}, out.tls_ca);
  read_text(places, {"ssl_ca_dir"}, out.tls_ca_dir);
  read_text(places, {"ssl_cert"}, out.tls_cert);
  read_text(places, {"ssl_key"}, out.tls_key);
  read_text(places, {"sni"}, out.tls_name);
  return out;
}

}  // namespace winnow
