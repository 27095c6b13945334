#include "engine/mime/quoted_printable.h"

#include <emmintrin.h>

#include <array>
#include <cstdint>

namespace winnow {

namespace {

constexpr std::array<int8_t, 256> kHex = [] {
  std::array<int8_t, 256> table{};
  table.fill(-1);
  for (size_t i = 0; i < 10; ++i) table['0' + i] = static_cast<int8_t>(i);
  for (size_t i = 0; i < 6; ++i) {
    table['A' + i] = static_cast<int8_t>(10 + i);
    table['a' + i] = static_cast<int8_t>(10 + i);
  }
  return table;
}();
constexpr int hex(char c) { return kHex[static_cast<uint8_t>(c)]; }
constexpr bool blank(char c) { return c == ' ' || c == '\t'; }
constexpr bool line_end(char c) { return c == '\r' || c == '\n'; }

// One past the line end that starts at `at`.
const char* past_line_end(const char* at, const char* end) {
  if (*at == '\r' && end - at > 1 && at[1] == '\n') return at + 2;
  return at + 1;
}

struct Cursor {
  const char* at;
  const char* end;
  char* out;
  bool broken = false;

  // Takes the '=' at `at` and what belongs to it.
  void escape() {
    if (end - at >= 3) {
      const int high = hex(at[1]);
      const int low = hex(at[2]);
      if ((high | low) >= 0) {
        *out++ = static_cast<char>(high << 4 | low);
        at += 3;
        return;
      }
    }
    const char* next = at + 1;
    while (next != end && blank(*next)) ++next;
    if (next == end) {
      at = end;
    } else if (line_end(*next)) {
      at = past_line_end(next, end);
    } else {
      broken = true;
      // The blanks are copied with it: they were looked at, and must not be again.
      while (at != next) *out++ = *at++;
    }
  }

  // Takes the run of blanks at `at`: dropped before a line end or the end of the body.
  void blanks() {
    const char* next = at;
    while (next != end && blank(*next)) ++next;
    if (next == end || line_end(*next)) {
      at = next;
      return;
    }
    while (at != next) *out++ = *at++;
  }

  void step() {
    if (*at == '=')
      escape();
    else if (blank(*at))
      blanks();
    else
      *out++ = *at++;
  }
};

}  // namespace

DecodedBody decode_quoted_printable_scalar(std::string_view in, Arena& arena) {
  char* const begin = arena.alloc_bytes(in.size() + 16);
  Cursor cursor{in.data(), in.data() + in.size(), begin};
  while (cursor.at != cursor.end) cursor.step();
  arena.shrink_to(cursor.out);
  return {{begin, static_cast<size_t>(cursor.out - begin)}, cursor.broken};
}

DecodedBody decode_quoted_printable(std::string_view in, Arena& arena) {
  char* const begin = arena.alloc_bytes(in.size() + 16);
  Cursor cursor{in.data(), in.data() + in.size(), begin};
  const __m128i equals = _mm_set1_epi8('=');
  const __m128i space = _mm_set1_epi8(' ');
  const __m128i tab = _mm_set1_epi8('\t');
  const __m128i lf = _mm_set1_epi8('\n');
  const __m128i cr = _mm_set1_epi8('\r');
  while (cursor.at != cursor.end) {
    if (cursor.end - cursor.at < 17) {
      cursor.step();
      continue;
    }
    const __m128i text = _mm_loadu_si128(reinterpret_cast<const __m128i*>(cursor.at));
    const __m128i next = _mm_loadu_si128(reinterpret_cast<const __m128i*>(cursor.at + 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(cursor.out), text);
    const __m128i is_blank = _mm_or_si128(_mm_cmpeq_epi8(text, space), _mm_cmpeq_epi8(text, tab));
    // A blank matters where a line end follows, or another blank, whose run may reach one.
    const __m128i next_ends =
        _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(next, lf), _mm_cmpeq_epi8(next, cr)),
                     _mm_or_si128(_mm_cmpeq_epi8(next, space), _mm_cmpeq_epi8(next, tab)));
    const unsigned stops = static_cast<unsigned>(_mm_movemask_epi8(
        _mm_or_si128(_mm_cmpeq_epi8(text, equals), _mm_and_si128(is_blank, next_ends))));
    const unsigned plain = static_cast<unsigned>(__builtin_ctz(stops | 0x10000u));
    cursor.at += plain;
    cursor.out += plain;
    if (plain == 16) continue;
    // Escapes come in rows: letters beyond ASCII.
    do cursor.step();
    while (cursor.at != cursor.end && *cursor.at == '=');
  }
  arena.shrink_to(cursor.out);
  return {{begin, static_cast<size_t>(cursor.out - begin)}, cursor.broken};
}

}  // namespace winnow
