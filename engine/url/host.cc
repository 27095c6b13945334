// Host normalisation (WHATWG URL, "host parsing"), made total: where a browser refuses, the name
// is kept in an escaped form and flagged, because a filter must still see it.
//
// Steps for what is not plain [A-Za-z0-9._-]:
//   1. percent escapes undone, except of bytes that end a host ("%2F" stays "%2F");
//   2. broken UTF-8 to U+FFFD; zero-width dropped; full-width ASCII and ideographic dots mapped;
//      ASCII to lower case;
//   3. names with bytes over 127 through libidn2 (TR46, non-transitional), which refuses symbols
//      that browsers allow ("☃.net"): what it refuses goes through ICU (UTS 46 without its checks
//      of lengths and hyphens). Where that fails too, or gives bytes that no host has, step 2's
//      result stays.
// Then trailing dots go, and a name whose last label is a number is read as IPv4.
// Every step maps its own result to itself, so the whole does.
#include "engine/url/host.h"

#include <idn2.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "engine/ascii.h"
#include "engine/batch.h"
#include "engine/mime/ip.h"
#include "engine/text/host_name.h"
#include "engine/text/utf8.h"
#include "engine/url/bytes.h"

namespace winnow {

namespace {

using url_bytes::is;
using url_bytes::kAlpha;
using url_bytes::kDigit;
using url_bytes::kHex;
using url_bytes::kHost;

constexpr uint32_t flag(UrlFlag f) { return static_cast<uint32_t>(f); }

// Longest name given to libidn2; RFC 1035 allows 253 bytes, escapes and Unicode take more.
constexpr size_t kIdnBytesMax = 1024;

bool ends_host(uint8_t c) {
  return c <= ' ' || c == 127 || std::strchr("\"#%/:<>?@[\\]^`{|}", c) != nullptr;
}

void put_escape(std::vector<char>& to, uint8_t byte) {
  to.push_back('%');
  to.push_back(url_bytes::kHexDigits[byte >> 4]);
  to.push_back(url_bytes::kHexDigits[byte & 15]);
}

// Step 1.
void undo_escapes(std::string_view raw, std::vector<char>& to, uint32_t& flags) {
  const char* end = raw.data() + raw.size();
  for (const char* at = raw.data(); at < end; ++at) {
    if (*at != '%') {
      const auto byte = static_cast<uint8_t>(*at);
      if (byte != 0 && !ends_host(byte)) {
        to.push_back(*at);
      } else {
        put_escape(to, byte), flags |= flag(UrlFlag::kObscured);
      }
      continue;
    }
    const int value = url_bytes::escape_at(at, end);
    if (value < 0) {
      put_escape(to, '%'), flags |= flag(UrlFlag::kObscured);
      continue;
    }
    flags |= flag(UrlFlag::kHostEncoded);
    at += 2;
    if (value == 0 || ends_host(static_cast<uint8_t>(value))) {
      put_escape(to, static_cast<uint8_t>(value)), flags |= flag(UrlFlag::kObscured);
    } else {
      to.push_back(static_cast<char>(value));
    }
  }
}

// Step 2.
void map_points(std::string_view bytes, std::vector<char>& to, uint32_t& flags) {
  while (!bytes.empty()) {
    if (static_cast<uint8_t>(bytes[0]) < 128) {
      to.push_back(lower_ascii(bytes[0]));
      bytes.remove_prefix(1);
      continue;
    }
    uint32_t point = kReplacement;
    if (const size_t length = sequence_length(bytes); length != 0) {
      const char* at = bytes.data();
      point = next_point(at);
      bytes.remove_prefix(length);
    } else {
      bytes.remove_prefix(broken_length(bytes));
    }
    if (is_zero_width(point)) {
      flags |= flag(UrlFlag::kZeroWidth);
      continue;
    }
    char mapped = 0;
    if (point == 0x3002 || point == 0xFF0E || point == 0xFF61 || point == 0x2024) mapped = '.';
    if (point >= 0xFF01 && point <= 0xFF5E) {
      const char ascii = lower_ascii(static_cast<char>(point - 0xFEE0));
      if (is(ascii, kHost)) mapped = ascii;
    }
    if (mapped) {
      to.push_back(mapped), flags |= flag(UrlFlag::kUnnormalised);
      continue;
    }
    if (point == kReplacement) flags |= flag(UrlFlag::kObscured);
    char utf8[4];
    to.insert(to.end(), utf8, utf8 + put_point(utf8, point));
  }
}

// Step 3. `name` is replaced where one of them gives a name that can stand in a URL.
void to_alabels(std::vector<char>& name, uint32_t& flags) {
  flags |= flag(UrlFlag::kIdn);
  bool good = name.size() <= kIdnBytesMax;
  for (const char c : name) good &= c != '%';
  uint8_t* out = nullptr;
  char room[2 * kIdnBytesMax];
  std::string_view ascii;
  if (good) {
    name.push_back('\0');
    const int result = idn2_lookup_u8(reinterpret_cast<const uint8_t*>(name.data()), &out,
                                      IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    name.pop_back();
    ascii = result == IDN2_OK ? std::string_view(reinterpret_cast<const char*>(out))
                              : host_name_of_browsers({name.data(), name.size()}, room);
  }
  for (const char c : ascii) good &= is(c, kHost) && lower_ascii(c) == c;
  if (good && !ascii.empty()) {
    name.assign(ascii.begin(), ascii.end());
  } else {
    flags |= flag(UrlFlag::kObscured);
  }
  std::free(out);
}

// One number of an IPv4 address (decimal, 0octal, 0xhex), false if it is none or over 32 bits.
bool read_number(std::string_view text, uint64_t& value, bool& plain) {
  unsigned base = 10;
  if (text.size() >= 2 && text[0] == '0' && text[1] == 'x') {
    base = 16, text.remove_prefix(2), plain = false;
  } else if (text.size() >= 2 && text[0] == '0') {
    base = 8, text.remove_prefix(1), plain = false;
  }
  value = 0;
  for (const char c : text) {
    const bool fits = base == 16 ? is(c, kHex) : is(c, kDigit) && (base == 10 || c < '8');
    if (!fits) return false;
    value = value * base + url_bytes::hex_value(c);
    if (value > 0xFFFFFFFF) return false;
  }
  return base == 16 || !text.empty();
}

// WHATWG "IPv4 parser": one to four numbers, the last fills what is left.
bool read_ip4(std::string_view name, uint32_t& address, bool& plain) {
  uint64_t numbers[4];
  size_t count = 0;
  while (true) {
    const size_t dot = name.find('.');
    if (count == 4 || !read_number(name.substr(0, dot), numbers[count], plain)) return false;
    ++count;
    if (dot == name.npos) break;
    name.remove_prefix(dot + 1);
  }
  plain &= count == 4;
  uint64_t value = 0;
  for (size_t i = 0; i + 1 < count; ++i) {
    if (numbers[i] > 255) return false;
    value = value << 8 | numbers[i];
  }
  const unsigned left = 8 * (5 - static_cast<unsigned>(count));
  if (numbers[count - 1] >> left) return false;
  address = static_cast<uint32_t>(value << left | numbers[count - 1]);
  return true;
}

bool ends_in_number(std::string_view name) {
  const std::string_view last = name.substr(name.rfind('.') + 1);
  if (last.empty() || !is(last[0], kDigit)) return false;
  bool digits = true;
  for (const char c : last) digits &= is(c, kDigit);
  if (digits) return true;
  uint64_t value;
  bool plain;
  return last.starts_with("0x") && read_number(last, value, plain);
}

void put_dotted(std::vector<char>& to, uint32_t address) {
  to.clear();
  for (int shift = 24; shift >= 0; shift -= 8) {
    const unsigned byte = address >> shift & 255;
    if (byte >= 100) to.push_back(static_cast<char>('0' + byte / 100));
    if (byte >= 10) to.push_back(static_cast<char>('0' + byte / 10 % 10));
    to.push_back(static_cast<char>('0' + byte % 10));
    if (shift) to.push_back('.');
  }
}

// "[2001:db8::1]"; false where it is no address.
bool read_ip6(std::string_view raw, std::vector<char>& to) {
  if (raw.size() < 4 || raw.front() != '[' || raw.back() != ']' || raw.size() > 64) return false;
  const std::string_view inside = raw.substr(1, raw.size() - 2);
  for (const char c : inside) {
    if (!is(c, kHex) && c != ':' && c != '.') return false;  // no zone, no "IPv6:"
  }
  const std::optional<IpAddress> ip = parse_ip(inside);
  if (!ip || inside.find(':') == inside.npos) return false;
  char text[kIpTextMax];
  IpAddress six = *ip;
  six.family = 6;
  to.assign(text, text + format_ip(six, text));
  return true;
}

std::string_view view(const std::vector<char>& v) { return {v.data(), v.size()}; }

void drop_trailing_dots(std::vector<char>& name, uint32_t& flags) {
  for (; !name.empty() && name.back() == '.'; name.pop_back()) {
    flags |= flag(UrlFlag::kUnnormalised);
  }
}

}  // namespace

bool is_zero_width(uint32_t p) {
  if (p < 0x300) return p == 0xAD;
  return p == 0x34F || p == 0x61C || p == 0x180E || (p >= 0x200B && p <= 0x200F) ||
         (p >= 0x202A && p <= 0x202E) || (p >= 0x2060 && p <= 0x206F) ||
         (p >= 0xFE00 && p <= 0xFE0F) || p == 0xFEFF || (p >= 0xE0000 && p <= 0xE0FFF);
}

HostName normalise_host(std::string_view raw, HostScratch& scratch) {
  HostName out;
  std::vector<char>& name = scratch.name;
  name.clear();
  if (read_ip6(raw, name)) {
    out.ip6 = true;
    out.flags = flag(UrlFlag::kNumeric);
    out.name = view(name);
    return out;
  }
  if (raw.size() > 2 && raw.front() == '[' && raw.back() == ']' && parse_ip(raw)) {
    raw = raw.substr(1, raw.size() - 2);  // user@[192.0.2.1]
  }
  bool plain_bytes = true;
  for (const char c : raw) plain_bytes &= is(c, kHost);
  if (plain_bytes) {
    name.resize(raw.size());
    std::transform(raw.begin(), raw.end(), name.begin(), lower_ascii);
  } else {
    scratch.bytes.clear();
    undo_escapes(raw, scratch.bytes, out.flags);
    map_points(view(scratch.bytes), name, out.flags);
    drop_trailing_dots(name, out.flags);
    if (!is_ascii(view(name))) to_alabels(name, out.flags);
  }
  drop_trailing_dots(name, out.flags);
  if (view(name).find("xn--") != std::string_view::npos) out.flags |= flag(UrlFlag::kIdn);
  if (view(name).find("..") != std::string_view::npos || view(name).starts_with('.')) {
    out.flags |= flag(UrlFlag::kObscured);
  }
  uint32_t address = 0;
  bool plain = !(out.flags & flag(UrlFlag::kIdn));
  if (ends_in_number(view(name)) && read_ip4(view(name), address, plain)) {
    out.flags |= flag(UrlFlag::kNumeric);
    if (!plain) out.flags |= flag(UrlFlag::kObscured);
    put_dotted(name, address);
  }
  out.name = view(name);
  return out;
}

}  // namespace winnow
