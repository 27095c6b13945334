#include "engine/url/decoded.h"

#include <cstring>

#include "engine/text/utf8.h"
#include "engine/url/bytes.h"

namespace winnow {

namespace {

// Bytes of the character whose escapes begin at `at`, into `bytes`; 0 where they are none that is
// shown.
size_t escaped_character(const char* at, const char* end, char* bytes) {
  size_t count = 0;
  for (; count < 4; ++count, at += 3) {
    const int byte = url_bytes::escape_at(at, end);
    if (byte < 0) break;
    bytes[count] = static_cast<char>(byte);
    if (byte < 0x80) {
      ++count;
      break;
    }
  }
  const auto first = static_cast<unsigned char>(bytes[0]);
  if (count == 0 || first < 0x20 || first == 0x7f) return 0;
  return sequence_length({bytes, count});
}

bool has_escapes(std::string_view url) {
  return !url.empty() && std::memchr(url.data(), '%', url.size());
}

// `to` has room for the whole URL. Returns the end of what was written.
char* decode(std::string_view url, char* to) {
  const char* const end = url.data() + url.size();
  for (const char* at = url.data(); at != end;) {
    char bytes[4];
    const size_t length = *at == '%' ? escaped_character(at, end, bytes) : 0;
    if (length == 0) {
      *to++ = *at++;
      continue;
    }
    std::memcpy(to, bytes, length);
    to += length;
    at += length * 3;
  }
  return to;
}

}  // namespace

std::string_view decoded_url(std::string_view url, std::vector<char>& room) {
  if (!has_escapes(url)) return url;
  room.resize(url.size());
  char* const end = decode(url, room.data());
  return {room.data(), static_cast<size_t>(end - room.data())};
}

std::string_view decoded_url(std::string_view url, Arena& arena) {
  if (!has_escapes(url)) return url;
  char* const to = arena.alloc_bytes(url.size());
  char* const end = decode(url, to);
  arena.shrink_to(end);
  return {to, static_cast<size_t>(end - to)};
}

}  // namespace winnow
