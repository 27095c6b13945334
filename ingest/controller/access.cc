#include "ingest/controller/access.h"

#include <sodium.h>

#include <algorithm>

#include "engine/ascii.h"
#include "engine/mime/ip.h"
#include "ingest/controller/password.h"

namespace winnow {

namespace {

constexpr size_t kKnownMax = 16;

bool is_secure(const ControllerSettings& settings, const IpAddress& ip) {
  return settings.secure_ip && ip.valid() && settings.secure_ip->find(ip) != kNoIndex;
}

// Without the port that some proxies write: "192.0.2.1:4711", "[2001:db8::1]:4711".
std::string_view without_port(std::string_view host) {
  if (host.starts_with('[')) {
    const size_t end = host.find(']');
    const bool whole = end + 1 == host.size() || (end < host.size() && host[end + 1] == ':');
    return whole ? host.substr(1, end - 1) : host;
  }
  const size_t colon = host.find(':');
  return colon == host.rfind(':') ? host.substr(0, colon) : host;
}

// The address for which a proxy asks; nothing where no header names one that can be read.
std::optional<IpAddress> asked_for(const AccessRequest& request) {
  std::string_view hops = request.forwarded_for.value_or(request.real_ip.value_or(""));
  if (request.forwarded_for)
    if (const size_t comma = hops.rfind(','); comma != hops.npos) hops.remove_prefix(comma + 1);
  return parse_ip(without_port(trimmed(hops, " \t")));
}

}  // namespace

bool is_trusted_peer(const ControllerSettings& settings, const AccessRequest& request) {
  if (!request.unix_socket && !is_secure(settings, request.peer)) return false;
  if (!request.forwarded_for && !request.real_ip) return true;
  const std::optional<IpAddress> ip = asked_for(request);
  return ip && is_secure(settings, *ip);
}

Gatekeeper::Gatekeeper() { randombytes_buf(key_.data(), key_.size()); }

// Whoever is not a trusted proxy can write into its headers what he wants: then the peer counts.
std::string Gatekeeper::source_of(const ControllerSettings& settings,
                                  const AccessRequest& request) {
  IpAddress ip = request.peer;
  if (request.unix_socket || is_secure(settings, request.peer))
    if (const std::optional<IpAddress> named = asked_for(request)) ip = *named;
  return {reinterpret_cast<const char*>(ip.bytes), ip.family == 4 ? size_t{16} : size_t{8}};
}

std::array<uint8_t, 32> Gatekeeper::mark(const ControllerSettings& settings,
                                         std::string_view password) const {
  crypto_generichash_blake2b_state state;
  std::array<uint8_t, 32> out;
  crypto_generichash_blake2b_init(&state, key_.data(), key_.size(), out.size());
  for (const std::string_view part : {std::string_view(settings.password),
                                      std::string_view(settings.enable_password), password}) {
    const uint64_t size = part.size();
    crypto_generichash_blake2b_update(&state, reinterpret_cast<const uint8_t*>(&size), sizeof size);
    crypto_generichash_blake2b_update(&state, reinterpret_cast<const uint8_t*>(part.data()),
                                      part.size());
  }
  crypto_generichash_blake2b_final(&state, out.data(), out.size());
  return out;
}

Gatekeeper::First Gatekeeper::look(const ControllerSettings& settings, const AccessRequest& request,
                                   int64_t now_ms) {
  if (is_trusted_peer(settings, request)) return {true, Access::kAll};
  if (request.password.empty() || (settings.password.empty() && settings.enable_password.empty()))
    return {true, Access::kRefused};
  if (settings.failures_max > 0) {
    const auto found = sources_.find(source_of(settings, request));
    if (found != sources_.end()) {
      if (now_ms - found->second.since_ms > settings.failure_window_ms)
        sources_.erase(found);
      else if (found->second.failures >= settings.failures_max)
        return {true, Access::kTooManyFailures};
    } else if (sources_.size() >= kSourcesMax) {
      std::erase_if(sources_, [&](const auto& one) {
        return now_ms - one.second.since_ms > settings.failure_window_ms;
      });
      if (sources_.size() >= kSourcesMax) return {true, Access::kTooManyFailures};
    }
  }
  const std::array<uint8_t, 32> wanted = mark(settings, request.password);
  for (const Known& one : known_)
    if (sodium_memcmp(one.mark.data(), wanted.data(), wanted.size()) == 0)
      return {true, one.access};
  return {false, Access::kRefused};
}

Access Gatekeeper::verify(const ControllerSettings& settings, std::string_view password) {
  // Passwords that stand in every example.
  if (password == "q1" || password == "q2") return Access::kRefused;
  // Both are looked at, whatever the first says: time tells nothing.
  const bool all = check_password(settings.enable_password, password);
  const bool read = check_password(settings.password, password);
  if (all) return Access::kAll;
  if (read) return settings.enable_password.empty() ? Access::kAll : Access::kRead;
  return Access::kRefused;
}

void Gatekeeper::remember(const ControllerSettings& settings, const AccessRequest& request,
                          Access result, int64_t now_ms) {
  if (result == Access::kRefused) {
    if (settings.failures_max == 0) return;
    Source& source = sources_[source_of(settings, request)];
    if (source.failures++ == 0) source.since_ms = now_ms;
    return;
  }
  if (known_.size() == kKnownMax) known_.erase(known_.begin());
  known_.push_back({mark(settings, request.password), result});
}

}  // namespace winnow
