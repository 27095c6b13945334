#include "engine/mime/ip.h"

#include <cstring>

#include "engine/ascii.h"

namespace winnow {

namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = lower_ascii(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool parse_v4(std::string_view text, uint8_t* to) {
  size_t at = 0;
  for (int octet = 0; octet < 4; ++octet) {
    if (octet > 0 && (at >= text.size() || text[at++] != '.')) return false;
    const size_t begin = at;
    unsigned value = 0;
    while (at < text.size() && at - begin < 3 && text[at] >= '0' && text[at] <= '9')
      value = value * 10 + static_cast<unsigned>(text[at++] - '0');
    if (at == begin || value > 255 || (at - begin > 1 && text[begin] == '0')) return false;
    to[octet] = static_cast<uint8_t>(value);
  }
  return at == text.size();
}

bool parse_v6(std::string_view text, uint8_t* to) {
  int groups = 0, gap = -1;
  size_t at = 0;
  if (text.starts_with("::")) gap = 0, at = 2;
  while (at < text.size()) {
    if (groups == 8) return false;
    const size_t begin = at;
    unsigned value = 0;
    while (at < text.size() && at - begin < 4 && hex_value(text[at]) >= 0)
      value = value << 4 | static_cast<unsigned>(hex_value(text[at++]));
    if (at < text.size() && text[at] == '.') {
      if (groups > 6 || !parse_v4(text.substr(begin), to + groups * 2)) return false;
      groups += 2;
      break;
    }
    if (at == begin) return false;
    to[groups * 2] = static_cast<uint8_t>(value >> 8);
    to[groups * 2 + 1] = static_cast<uint8_t>(value);
    ++groups;
    if (at == text.size()) break;
    if (text[at++] != ':' || at == text.size()) return false;
    if (text[at] == ':') {
      if (gap >= 0) return false;
      gap = groups;
      ++at;
    }
  }
  if (gap < 0) return groups == 8;
  if (groups == 8) return false;
  const size_t tail = static_cast<size_t>(groups - gap) * 2;
  std::memmove(to + 16 - tail, to + gap * 2, tail);
  std::memset(to + gap * 2, 0, 16 - tail - static_cast<size_t>(gap) * 2);
  return true;
}

constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

size_t put_decimal(unsigned value, char* to) {
  size_t size = 0;
  if (value >= 100) to[size++] = static_cast<char>('0' + value / 100);
  if (value >= 10) to[size++] = static_cast<char>('0' + value / 10 % 10);
  to[size++] = static_cast<char>('0' + value % 10);
  return size;
}

size_t put_hex(unsigned value, char* to) {
  size_t size = 0;
  for (int shift = 12; shift >= 0; shift -= 4)
    if (value >> shift || shift == 0) to[size++] = "0123456789abcdef"[value >> shift & 15];
  return size;
}

}  // namespace

std::optional<IpAddress> parse_ip(std::string_view text) {
  if (text.size() >= 2 && text.front() == '[' && text.back() == ']')
    text = text.substr(1, text.size() - 2);
  if (text.size() > 5 && lower_ascii(text[0]) == 'i' && lower_ascii(text[1]) == 'p' &&
      lower_ascii(text[2]) == 'v' && text[3] == '6' && text[4] == ':')
    text.remove_prefix(5);
  if (text.size() >= kIpTextMax + 32) return std::nullopt;
  uint8_t bytes[16];
  if (text.find(':') == std::string_view::npos) {
    if (!parse_v4(text, bytes)) return std::nullopt;
    return ip_of_bytes(std::span(bytes).first(4));
  }
  if (!parse_v6(text.substr(0, text.find('%')), bytes)) return std::nullopt;
  return ip_of_bytes(bytes);
}

IpAddress ip_of_bytes(std::span<const uint8_t> bytes) {
  IpAddress ip;
  if (bytes.size() == 4) std::memcpy(ip.bytes, kMapped, sizeof kMapped);
  std::memcpy(ip.bytes + sizeof ip.bytes - bytes.size(), bytes.data(), bytes.size());
  ip.family = std::memcmp(ip.bytes, kMapped, sizeof kMapped) == 0 ? 4 : 6;
  return ip;
}

size_t format_ip(const IpAddress& ip, char* to) {
  size_t size = 0;
  if (ip.family == 4) {
    for (int i = 12; i < 16; ++i) {
      if (i > 12) to[size++] = '.';
      size += put_decimal(ip.bytes[i], to + size);
    }
    return size;
  }
  if (ip.family != 6) return 0;
  unsigned groups[8];
  for (int i = 0; i < 8; ++i) groups[i] = unsigned{ip.bytes[2 * i]} << 8 | ip.bytes[2 * i + 1];
  // RFC 5952 4.2: the longest run of two or more zero groups, the first of equals.
  int best = -1, best_size = 1;
  for (int i = 0; i < 8; ++i) {
    int run = 0;
    while (i + run < 8 && groups[i + run] == 0) ++run;
    if (run > best_size) best = i, best_size = run;
    if (run > 0) i += run - 1;
  }
  for (int i = 0; i < 8;) {
    if (i == best) {
      to[size++] = ':';
      to[size++] = ':';
      i += best_size;
      continue;
    }
    if (i > 0 && i != best + best_size) to[size++] = ':';
    size += put_hex(groups[i++], to + size);
  }
  return size;
}

std::string_view format_ip(const IpAddress& ip, Arena& arena) {
  char* to = arena.alloc_bytes(kIpTextMax);
  const size_t size = format_ip(ip, to);
  arena.shrink_to(to + size);
  return {to, size};
}

bool same_ip(const IpAddress& a, const IpAddress& b) {
  return a.family == b.family && std::memcmp(a.bytes, b.bytes, sizeof a.bytes) == 0;
}

bool ip_in_net(const IpAddress& ip, const IpAddress& net, unsigned bits) {
  if (ip.family != net.family || !ip.valid()) return false;
  if (ip.family == 4) bits += 96;
  if (bits > 128) bits = 128;
  if (std::memcmp(ip.bytes, net.bytes, bits / 8) != 0) return false;
  const unsigned rest = bits % 8;
  return rest == 0 || (ip.bytes[bits / 8] ^ net.bytes[bits / 8]) >> (8 - rest) == 0;
}

bool is_loopback_or_link_local(const IpAddress& ip) {
  const uint8_t* b = ip.bytes;
  if (ip.family == 4) return b[12] == 127;
  if (ip.family != 6) return false;
  constexpr uint8_t kLoopback[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  if (std::memcmp(b, kLoopback, 16) == 0) return true;
  return b[0] == 0xfe && b[1] >= 0x80;  // fe80::/10 and fec0::/10
}

bool is_local_ip(const IpAddress& ip) {
  if (is_loopback_or_link_local(ip)) return true;
  const uint8_t* b = ip.bytes;
  if (ip.family == 4)
    return b[12] == 10 || (b[12] == 172 && b[13] >> 4 == 1) || (b[12] == 192 && b[13] == 168) ||
           (b[12] == 169 && b[13] == 254);
  return ip.family == 6 && b[0] == 0xfd;
}

}  // namespace winnow
