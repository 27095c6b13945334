// Classes of bytes that the URL parser and the finder ask for.
#pragma once

#include <array>
#include <cstdint>

#include "engine/ascii.h"

namespace winnow::url_bytes {

enum Class : uint8_t {
  kAlpha = 1,
  kDigit = 2,
  kHex = 4,
  kUnreserved = 8,   // RFC 3986 2.3: a percent escape of one means the same as itself
  kHost = 16,        // in an ASCII host name, any case
  kPathEncode = 32,  // WHATWG path percent-encode set
  kQueryEncode = 64,
  kLocal = 128,  // atext of RFC 5322 and '.', in the local part of an address
};

constexpr std::array<uint8_t, 256> make_table() {
  std::array<uint8_t, 256> table{};
  const auto set = [&](const char* bytes, uint8_t flags) {
    for (; *bytes; ++bytes) table[static_cast<uint8_t>(*bytes)] |= flags;
  };
  for (int c = 0; c < 256; ++c) {
    const bool alpha = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool digit = c >= '0' && c <= '9';
    uint8_t flags = 0;
    if (alpha) flags |= kAlpha;
    if (digit) flags |= kDigit;
    if (digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) flags |= kHex;
    if (alpha || digit) flags |= kUnreserved | kHost | kLocal;
    if (c <= ' ' || c >= 127) flags |= kPathEncode | kQueryEncode;
    table[static_cast<size_t>(c)] = flags;
  }
  set("-._~", kUnreserved);
  set("-._", kHost);
  set("\"<>`{}#?^", kPathEncode);
  set("\"<>#", kQueryEncode);
  set("!#$%&'*+/=?^_`{|}~.-", kLocal);
  return table;
}
inline constexpr std::array<uint8_t, 256> kTable = make_table();

constexpr bool is(char c, uint8_t classes) { return kTable[static_cast<uint8_t>(c)] & classes; }
constexpr unsigned hex_value(char c) {
  return is(c, kDigit) ? static_cast<unsigned>(c - '0')
                       : static_cast<unsigned>(lower_ascii(c) - 'a' + 10);
}
constexpr char kHexDigits[] = "0123456789ABCDEF";

// Value of the percent escape at the start of [at, end), or -1.
constexpr int escape_at(const char* at, const char* end) {
  if (end - at < 3 || at[0] != '%' || !is(at[1], kHex) || !is(at[2], kHex)) return -1;
  return static_cast<int>(hex_value(at[1]) << 4 | hex_value(at[2]));
}

}  // namespace winnow::url_bytes
