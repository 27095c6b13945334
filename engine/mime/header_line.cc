#include "engine/mime/header_line.h"

#include <algorithm>

#if defined(__SSE2__)
#include <emmintrin.h>

#include <bit>
#endif

namespace winnow {

namespace {

size_t past_line_end(std::string_view text, size_t end) {
  if (end == text.size()) return end;
  if (text[end] == '\n') return end + 1;
  if (end + 1 < text.size() && text[end + 1] == '\n') return end + 2;
  if (end + 2 < text.size() && text[end + 1] == '\r' && text[end + 2] == '\n') return end + 3;
  return end + 1;
}

// Goes on byte by byte from `at`; `line` holds what was seen before.
HeaderLine finish_scalar(std::string_view text, size_t at, bool after_equals, uint8_t seen) {
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '\n' || c == '\r') break;
    if (static_cast<uint8_t>(c) > 127) seen |= HeaderLine::kEight;
    if (c == '\0') seen |= HeaderLine::kNul;
    if (c == '?' && after_equals) seen |= HeaderLine::kWord;
    after_equals = c == '=';
  }
  return {at, past_line_end(text, at), seen};
}

}  // namespace

HeaderLine next_header_line_scalar(std::string_view text, size_t at) {
  return finish_scalar(text, at, false, 0);
}

size_t find_empty_line_scalar(std::string_view text, size_t at) {
  size_t line = at;
  for (; at < text.size(); ++at) {
    if (text[at] != '\n' && text[at] != '\r') continue;
    if (at == line) return line;
    line = past_line_end(text, at);
    at = line - 1;
  }
  return std::string_view::npos;
}

#if defined(__SSE2__)
size_t find_empty_line(std::string_view text, size_t at) {
  const __m128i lf = _mm_set1_epi8('\n');
  const __m128i cr = _mm_set1_epi8('\r');
  size_t line = at;
  for (; text.size() - at >= 16; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + at));
    unsigned ends = static_cast<unsigned>(
        _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(bytes, lf), _mm_cmpeq_epi8(bytes, cr))));
    for (; ends != 0; ends &= ends - 1) {
      const size_t end = at + static_cast<size_t>(std::countr_zero(ends));
      if (end < line) continue;  // the rest of a line end of several bytes
      if (end == line) return line;
      line = past_line_end(text, end);
    }
  }
  // The tail, which may begin inside a line or inside a line end.
  for (at = std::max(at, line); at < text.size(); ++at) {
    if (text[at] != '\n' && text[at] != '\r') continue;
    if (at == line) return line;
    line = past_line_end(text, at);
    at = line - 1;
  }
  return std::string_view::npos;
}

HeaderLine next_header_line(std::string_view text, size_t at) {
  const __m128i lf = _mm_set1_epi8('\n');
  const __m128i cr = _mm_set1_epi8('\r');
  const __m128i equals = _mm_set1_epi8('=');
  const __m128i question = _mm_set1_epi8('?');
  const __m128i zero = _mm_setzero_si128();
  uint8_t seen = 0;
  unsigned carry = 0;
  for (; text.size() - at >= 16; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + at));
    const auto mask = [&](__m128i what) {
      return static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, what)));
    };
    const unsigned ends = static_cast<unsigned>(
        _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(bytes, lf), _mm_cmpeq_epi8(bytes, cr))));
    const unsigned signs = mask(equals);
    // Bits below the first line end; all sixteen where there is none.
    const unsigned inside = ends == 0 ? 0xffffu : (ends & (0u - ends)) - 1;
    if (static_cast<unsigned>(_mm_movemask_epi8(bytes)) & inside) seen |= HeaderLine::kEight;
    if (mask(zero) & inside) seen |= HeaderLine::kNul;
    if (((signs << 1 | carry) & mask(question)) & inside) seen |= HeaderLine::kWord;
    if (ends != 0) {
      const size_t end = at + static_cast<size_t>(std::countr_zero(ends));
      return {end, past_line_end(text, end), seen};
    }
    carry = signs >> 15 & 1;
  }
  return finish_scalar(text, at, carry != 0, seen);
}
#else
size_t find_empty_line(std::string_view text, size_t at) {
  return find_empty_line_scalar(text, at);
}
HeaderLine next_header_line(std::string_view text, size_t at) {
  return next_header_line_scalar(text, at);
}
#endif

}  // namespace winnow
