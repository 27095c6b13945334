#include "pipeline/lookup/store/redis_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "engine/mime/ip.h"
#include "rules/config/ucl.h"

namespace winnow {

namespace {

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

Result<void> add_one(std::string_view text, RedisServers& to, uint16_t port) {
  RedisServer server{.host = {}, .port = port};
  if (text.starts_with('/')) {
    server.host = text;
    to.list.push_back(std::move(server));
    return {};
  }
  std::string_view rest;
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == std::string_view::npos) return fail(fmt::format("{} has no ]", text));
    server.host = text.substr(1, end - 1);
    rest = text.substr(end + 1);
    if (!parse_ip(server.host) || (!rest.empty() && rest[0] != ':'))
      return fail(fmt::format("\"{}\" is no [IPv6 address]:port", text));
  } else if (std::ranges::count(text, ':') > 2) {
    server.host = text;
    if (!parse_ip(text)) return fail(fmt::format("\"{}\" is no IPv6 address", text));
  } else {
    const size_t colon = std::min(text.find(':'), text.size());
    server.host = text.substr(0, colon);
    rest = text.substr(colon);
  }
  if (server.host.empty()) return fail(fmt::format("\"{}\" names no Redis server", text));
  if (rest.starts_with(':')) {
    // What stands behind a second colon is a priority, which only an order of masters reads.
    const std::string_view number = rest.substr(1, rest.find(':', 1) - 1);
    uint32_t value = 0;
    const auto [end, problem] =
        std::from_chars(number.data(), number.data() + number.size(), value);
    if (problem != std::errc() || end != number.data() + number.size() || value == 0 ||
        value > 65535)
      return fail(fmt::format("\"{}\" has no port from 1 to 65535", text));
    server.port = static_cast<uint16_t>(value);
  }
  to.list.push_back(std::move(server));
  return {};
}

// Where an option is looked up, nearest first.
class Places {
 public:
  Places(const UclObject& root, const UclObject* section, std::string_view name) {
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
          if (const UclObject* const value = one.find(key)) return value;
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

std::string RedisServer::text() const {
  if (is_unix()) return host;
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                             : fmt::format("[{}]:{}", host, port);
}

Result<void> add_redis_servers(std::string_view text, RedisServers& to, uint16_t port) {
  using Order = std::pair<std::string_view, RedisOrder>;
  for (const auto& [name, order] :
       {Order{"master-slave:", RedisOrder::kMasterSlave},
        Order{"sequential:", RedisOrder::kMasterSlave},
        Order{"round-robin:", RedisOrder::kRoundRobin}, Order{"random:", RedisOrder::kRandom},
        Order{"hash:", RedisOrder::kHash}})
    if (text.starts_with(name)) {
      to.order = order;
      text.remove_prefix(name.size());
      break;
    }
  bool any = false;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of(",;"), text.size());
    const std::string_view one = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (one.empty()) continue;
    any = true;
    if (Result<void> added = add_one(one, to, port); !added) return added;
  }
  if (!any) return fail("a Redis server is to be named, and none is");
  return {};
}

Result<RedisOptions> redis_options(const UclObject& root, const UclObject* section,
                                   std::string_view name) {
  const Places places(root, section, name);
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
