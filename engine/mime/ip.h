// IP addresses as text (RFC 4291 2.2, RFC 5952, RFC 5321 4.1.3) and which of them are local.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "engine/arena.h"
#include "engine/batch.h"

namespace winnow {

// "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1" (family 4), with or without [brackets], the
// "IPv6:" prefix and a %zone. Nothing else: no octal, no shortened IPv4.
std::optional<IpAddress> parse_ip(std::string_view text);

// Of 4 or 16 bytes in network order; an IPv4 address in an IPv6 one (RFC 4291, 2.5.5.2) is IPv4.
IpAddress ip_of_bytes(std::span<const uint8_t> bytes);

// Longest text of format_ip(), in bytes.
constexpr size_t kIpTextMax = 46;

// Writes the canonical text (RFC 5952) to `to`, which holds kIpTextMax bytes; returns its length,
// 0 for an invalid address.
size_t format_ip(const IpAddress& ip, char* to);
std::string_view format_ip(const IpAddress& ip, Arena& arena);

bool same_ip(const IpAddress& a, const IpAddress& b);
// True if the first `bits` (0-32 for IPv4, 0-128 for IPv6) are those of `net`, same family.
bool ip_in_net(const IpAddress& ip, const IpAddress& net, unsigned bits);

// Loopback, link-local and site-local: never a client out in the world, whatever is configured.
bool is_loopback_or_link_local(const IpAddress& ip);
// The above and 10/8, 172.16/12, 192.168/16, 169.254/16, fd00::/8: local as Rspamd's default
// options.local_addrs has it (facts: "Local"). Whether a client is the site's own:
// Envelope::own_ip.
bool is_local_ip(const IpAddress& ip);

}  // namespace winnow
