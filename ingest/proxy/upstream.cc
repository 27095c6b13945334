#include "ingest/proxy/upstream.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "engine/ascii.h"
#include "ingest/http/httpcrypt.h"
#include "rules/config/server_text.h"

namespace winnow {

namespace {

constexpr uint32_t kWeightMax = 100;

void warn(const UclObject& at, std::string what, std::vector<Warning>& warnings) {
  warnings.push_back(warning_at(at.place(), std::move(what)));
}

bool weight(std::string_view text, uint32_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value >= 1 &&
         value <= kWeightMax;
}

// The first address of a name; empty where there is none.
std::string look_up(const std::string& name) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(name.c_str(), nullptr, &hints, &found) != 0 || !found) return {};
  char text[INET6_ADDRSTRLEN] = "";
  if (found->ai_family == AF_INET)
    ::inet_ntop(AF_INET, &reinterpret_cast<sockaddr_in*>(found->ai_addr)->sin_addr, text,
                sizeof text);
  else if (found->ai_family == AF_INET6)
    ::inet_ntop(AF_INET6, &reinterpret_cast<sockaddr_in6*>(found->ai_addr)->sin6_addr, text,
                sizeof text);
  ::freeaddrinfo(found);
  return text;
}

// "host", "host:port", "host:port:weight".
Result<UpstreamHost> read_host(const UclObject& at, std::string_view text) {
  UpstreamHost host;
  host.name = text;
  const Result<ServerText> said = split_server(text);
  if (!said || (said->more && !weight(*said->more, host.weight)))
    return fail_at(at.place(),
                   fmt::format("\"{}\" is no host: write NAME, NAME:PORT or NAME:PORT:WEIGHT "
                               "(weight 1 to {})",
                               text, kWeightMax));
  const std::string address(said->host);
  host.port = said->port.value_or(host.port);
  host.address = address == "localhost" ? "127.0.0.1" : look_up(address);
  if (host.address.empty()) return fail_at(at.place(), fmt::format("there is no host {}", address));
  return host;
}

std::string read_settings_id(const UclObject& upstream) {
  return std::string(upstream.string("settings_id", upstream.string("settings", "")));
}

std::vector<std::pair<std::string, std::string>> read_headers(const UclObject& upstream) {
  std::vector<std::pair<std::string, std::string>> out;
  if (const UclObject* const all = upstream.find("extra_headers"); all && all->is_object())
    for (const UclObject* const one : all->named())
      out.emplace_back(one->key(), one->last_value().text());
  return out;
}

Result<Upstream> read_upstream(const UclObject& given, int64_t timeout_ms,
                               std::vector<Warning>& warnings) {
  Upstream to;
  to.name = given.string("name", given.key());
  if (const UclObject* const asked = given.find("ssl"); asked && given.flag("ssl", false))
    return fail_at(asked->place(),
                   "ssl: connections to scanners speak no TLS here, and mail would go in the "
                   "clear; key = \"PUBKEY\" encrypts it");
  if (const UclObject* const asked = given.find("key")) {
    std::optional<std::string> key = read_public_key(asked->last_value().text());
    if (!key || !seal_request(*key, "")) return fail_at(asked->place(), "key is no public key");
    to.key = std::move(*key);
  }
  to.timeout_ms = timeout_ms;
  if (const double s = given.seconds("timeout", -1); s > 0 && s < 86'400)
    to.timeout_ms = std::llround(s * 1000);
  to.settings_id = read_settings_id(given);
  to.headers = read_headers(given);
  const UclObject* const hosts = given.find("hosts");
  if (!hosts)
    return fail_at(given.place(), fmt::format("{} needs hosts, or self_scan = true", to.name));
  for (const std::string_view text : given.strings("hosts"))
    if (Result<void> good = read_hosts(*hosts, text, to, warnings); !good)
      return fail(std::move(good.error()));
  if (to.hosts.empty()) return fail_at(hosts->place(), fmt::format("{} has no hosts", to.name));
  return to;
}

// options { upstream { } }: when a host is taken out of use.
void read_failure_options(const UclObject& root, ProxySettings& to) {
  const UclObject* const options = root.find("options");
  if (!options) return;
  for (const char* const key : {"upstreams", "upstream"}) {
    const UclObject* const given = options->find(key);
    if (!given || !given->is_object()) continue;
    const auto milliseconds = [&](const char* name, int64_t otherwise) {
      return std::llround(std::clamp(given->seconds(name, otherwise / 1e3), 0.0, 1e6) * 1000);
    };
    to.errors_max = static_cast<unsigned>(
        std::clamp<int64_t>(given->integer("max_errors", to.errors_max), 1, 10'000));
    to.error_time_ms = milliseconds("error_time", to.error_time_ms);
    to.revive_ms = milliseconds("revive_time", to.revive_ms);
  }
}

// The share of mail that a mirror is sent.
Result<void> read_share(const UclObject& mirror, double& share) {
  for (const char* const key : {"prob", "probability"}) {
    const UclObject* const given = mirror.find(key);
    if (!given) continue;
    const std::string text(given->last_value().text());
    const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), share);
    if (bad != std::errc() || end != text.data() + text.size() || !(share >= 0) || share > 1)
      return fail_at(given->place(), fmt::format("\"{}\" is no probability: 0 to 1", text));
  }
  return {};
}

// The upstream that is `default`, else the first; null where the worker has none.
const UclObject* chosen_upstream(const UclObject& worker) {
  const UclObject* chosen = nullptr;
  if (const UclObject* const all = worker.find("upstream"); all && all->is_object())
    for (const UclObject* const one : all->named())
      if (one->is_object() && (!chosen || one->flag("default", false))) chosen = one;
  return chosen;
}

Result<void> read_worker(const UclObject& worker, ProxySettings& to,
                         std::vector<Warning>& warnings) {
  to.tries_max = static_cast<unsigned>(
      std::clamp<int64_t>(worker.integer("max_retries", to.tries_max), 1, 100));
  const double s = worker.seconds("timeout", 120);
  const int64_t timeout_ms = s > 0 && s < 86'400 ? std::llround(s * 1000) : 120'000;
  const UclObject* const chosen = chosen_upstream(worker);
  if (chosen && !chosen->flag("self_scan", false)) {
    Result<Upstream> upstream = read_upstream(*chosen, timeout_ms, warnings);
    if (!upstream) return fail(std::move(upstream.error()));
    to.upstream = std::move(*upstream);
  } else if (chosen) {
    to.settings_id = read_settings_id(*chosen);
    to.headers = read_headers(*chosen);
    for (auto& [name, value] : to.headers) name = lowered(name);
  }
  const UclObject* const mirrors = worker.find("mirror");
  if (!mirrors || !mirrors->is_object()) return {};
  for (const UclObject* const one : mirrors->named()) {
    if (!one->is_object()) continue;
    Result<Upstream> mirror = read_upstream(*one, timeout_ms, warnings);
    if (!mirror) return fail(std::move(mirror.error()));
    if (Result<void> good = read_share(*one, mirror->share); !good) return good;
    to.mirrors.push_back(std::move(*mirror));
  }
  return {};
}

}  // namespace

Result<void> read_hosts(const UclObject& given, std::string_view text, Upstream& to,
                        std::vector<Warning>& warnings) {
  const ServerList list = split_servers(text);
  if (list.order) to.in_order = list.order == ServerOrder::kMasterSlave;
  if (list.order == ServerOrder::kRandom || list.order == ServerOrder::kHash)
    warn(
        given,
        fmt::format("rotation \"{}\" is taken for round-robin", text.substr(0, text.find(':') + 1)),
        warnings);
  for (const std::string_view one : list.servers) {
    Result<UpstreamHost> host = read_host(given, one);
    if (!host) return fail(std::move(host.error()));
    to.hosts.push_back(std::move(*host));
  }
  return {};
}

Result<ProxySettings> read_proxy_settings(const UclObject& root, std::vector<Warning>& warnings) {
  ProxySettings to;
  read_failure_options(root, to);
  const UclObject* const workers = root.find("worker");
  if (!workers) return to;
  for (const UclObject* const worker : workers->named()) {
    if (!worker->is_object()) continue;
    const std::string_view type = worker->string("type", worker->key());
    if (type != "rspamd_proxy" && type != "proxy") continue;
    if (!worker->flag("milter", true)) {
      for (const char* const key : {"upstream", "mirror"})
        if (const UclObject* const given = worker->find(key))
          warn(*given,
               fmt::format("{}: only milter's messages are handed on; what comes over HTTP is "
                           "scanned here",
                           key),
               warnings);
      continue;
    }
    if (Result<void> good = read_worker(*worker, to, warnings); !good) return fail(good.error());
  }
  return to;
}

HostChoice::HostChoice(const Upstream& upstream, const ProxySettings& settings)
    : states_(upstream.hosts.size()),
      in_order_(upstream.in_order),
      errors_max_(settings.errors_max),
      error_time_ms_(settings.error_time_ms),
      revive_ms_(settings.revive_ms) {
  // By rounds: weights 2 and 1 give a b a, not a a b.
  for (uint32_t round = 0; round < kWeightMax; ++round)
    for (size_t i = 0; i < upstream.hosts.size(); ++i)
      if (round < upstream.hosts[i].weight) turns_.push_back(i);
}

size_t HostChoice::next(int64_t now_ms, const std::vector<bool>& tried) {
  const auto fresh = [&](size_t host) { return host >= tried.size() || !tried[host]; };
  if (in_order_) {
    for (size_t i = 0; i < states_.size(); ++i)
      if (usable(i, now_ms) && fresh(i)) return i;
  } else {
    for (size_t i = 0; i < turns_.size(); ++i) {
      const size_t host = turns_[(turn_ + i) % turns_.size()];
      if (!usable(host, now_ms) || !fresh(host)) continue;
      turn_ = (turn_ + i + 1) % turns_.size();
      return host;
    }
  }
  // All are out of use or were tried: the one whose time is over first, untried before tried.
  size_t best = 0;
  for (size_t i = 1; i < states_.size(); ++i)
    if (std::pair(!fresh(i), states_[i].out_until_ms) <
        std::pair(!fresh(best), states_[best].out_until_ms))
      best = i;
  return best;
}

void HostChoice::failed(size_t host, int64_t now_ms) {
  State& state = states_[host];
  state.errors_ms.push_back(now_ms);
  while (state.errors_ms.front() < now_ms - error_time_ms_) state.errors_ms.pop_front();
  if (state.errors_ms.size() < errors_max_) return;
  state.errors_ms.clear();
  state.out_until_ms = now_ms + revive_ms_;
}

}  // namespace winnow
