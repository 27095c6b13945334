#include "engine/mime/quoted_printable.h"

#include <tmmintrin.h>

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

constexpr ptrdiff_t kBlock = 32;

struct Marks {
  uint32_t equals, blanks, ends;  // a bit a byte; ends: blanks and what ends a line
};
inline Marks marks(__m128i text) {
  // The four of `ends` differ in the low half of a byte: one look tells them from all others.
  const __m128i of_low =
      _mm_setr_epi8(' ', -1, -1, -1, -1, -1, -1, -1, -1, '\t', '\n', -1, -1, '\r', -1, -1);
  const auto bits = [](__m128i mask) { return static_cast<uint32_t>(_mm_movemask_epi8(mask)); };
  return {bits(_mm_cmpeq_epi8(text, _mm_set1_epi8('='))),
          bits(_mm_or_si128(_mm_cmpeq_epi8(text, _mm_set1_epi8(' ')),
                            _mm_cmpeq_epi8(text, _mm_set1_epi8('\t')))),
          bits(_mm_cmpeq_epi8(_mm_shuffle_epi8(of_low, text), text))};
}

// Copies the kBlock bytes at `at` and returns a bit for each of them that may not stand for itself:
// an escape, or a blank before a line end or another blank, whose run may reach one. The last
// one's next is not seen: its bit stays 0.
inline uint32_t copy_plain(const char* at, char* out) {
  const __m128i first = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  const __m128i second = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + 16));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), first);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 16), second);
  const Marks low = marks(first), high = marks(second);
  const uint32_t equals = low.equals | high.equals << 16;
  const uint32_t blanks = low.blanks | high.blanks << 16;
  const uint32_t ends = low.ends | high.ends << 16;
  return (equals | (blanks & ends >> 1)) << 1 >> 1;
}

}  // namespace

DecodedBody decode_quoted_printable_scalar(std::string_view in, Arena& arena) {
  char* const begin = arena.alloc_bytes(in.size() + kBlock);
  Cursor cursor{in.data(), in.data() + in.size(), begin};
  while (cursor.at != cursor.end) cursor.step();
  arena.shrink_to(cursor.out);
  return {{begin, static_cast<size_t>(cursor.out - begin)}, cursor.broken};
}

DecodedBody decode_quoted_printable(std::string_view in, Arena& arena) {
  char* const begin = arena.alloc_bytes(in.size() + kBlock);
  Cursor cursor{in.data(), in.data() + in.size(), begin};
  while (cursor.end - cursor.at >= kBlock) {
    const uint32_t stops = copy_plain(cursor.at, cursor.out);
    // A constant, so that the next block waits for a guess and not for this block's answer.
    if (stops == 0) {
      cursor.at += kBlock - 1;
      cursor.out += kBlock - 1;
      continue;
    }
    const int plain = __builtin_ctz(stops);
    cursor.at += plain;
    cursor.out += plain;
    // Escapes come in rows: letters beyond ASCII.
    do cursor.step();
    while (cursor.at != cursor.end && *cursor.at == '=');
  }
  while (cursor.at != cursor.end) cursor.step();
  arena.shrink_to(cursor.out);
  return {{begin, static_cast<size_t>(cursor.out - begin)}, cursor.broken};
}

}  // namespace winnow
