// Finding the next byte that matters, 16 bytes a step (SSE2, which x86-64 always has), each with a
// scalar twin that gives the same answer. Nothing is read outside [at, end).
#pragma once

#include <emmintrin.h>

#include <bit>
#include <cstddef>
#include <cstdint>

namespace winnow {

// The first byte equal to `byte`, or `end`.
inline const char* find_byte(const char* at, const char* end, char byte) {
  const __m128i want = _mm_set1_epi8(byte);
  for (; end - at >= 16; at += 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const auto hit = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(block, want)));
    if (hit != 0) return at + std::countr_zero(hit);
  }
  while (at < end && *at != byte) ++at;
  return at;
}
inline const char* find_byte_scalar(const char* at, const char* end, char byte) {
  while (at < end && *at != byte) ++at;
  return at;
}

// The first of two bytes, or `end`.
inline const char* find_either(const char* at, const char* end, char one, char other) {
  const __m128i first = _mm_set1_epi8(one);
  const __m128i second = _mm_set1_epi8(other);
  for (; end - at >= 16; at += 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const auto hit = static_cast<unsigned>(_mm_movemask_epi8(
        _mm_or_si128(_mm_cmpeq_epi8(block, first), _mm_cmpeq_epi8(block, second))));
    if (hit != 0) return at + std::countr_zero(hit);
  }
  while (at < end && *at != one && *at != other) ++at;
  return at;
}

// The first '&' or byte under 0x20, or `end`: what keeps a target from being used as it stands.
inline const char* find_unclean(const char* at, const char* end) {
  const __m128i ampersand = _mm_set1_epi8('&');
  const __m128i control = _mm_set1_epi8(0x1F);
  for (; end - at >= 16; at += 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const auto hit = static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(
        _mm_cmpeq_epi8(block, ampersand), _mm_cmpeq_epi8(_mm_min_epu8(block, control), block))));
    if (hit != 0) return at + std::countr_zero(hit);
  }
  while (at < end && *at != '&' && static_cast<uint8_t>(*at) >= ' ') ++at;
  return at;
}

// Where a tag's or an attribute's name ends: at a byte up to 0x20 that is a blank of HTML, '/',
// '>', and, with `equals`, '='. Returns `end` if it does not.
inline bool ends_name(char c, bool equals) {
  return c == ' ' || c == '>' || c == '/' || c == '\n' || c == '\r' || c == '\t' || c == '\f' ||
         (equals && c == '=');
}
inline const char* find_name_end(const char* at, const char* end, bool equals) {
  for (; end - at >= 16; at += 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(' ')), block);
    const __m128i slash = _mm_cmpeq_epi8(block, _mm_set1_epi8('/'));
    const __m128i close = _mm_cmpeq_epi8(block, _mm_set1_epi8('>'));
    const __m128i equal = _mm_cmpeq_epi8(block, _mm_set1_epi8(equals ? '=' : '>'));
    auto hit = static_cast<unsigned>(
        _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(control, slash), _mm_or_si128(close, equal))));
    for (; hit != 0; hit &= hit - 1) {  // the controls that are no blanks are rare
      const char* const found = at + std::countr_zero(hit);
      if (ends_name(*found, equals)) return found;
    }
  }
  while (at < end && !ends_name(*at, equals)) ++at;
  return at;
}
inline const char* find_name_end_scalar(const char* at, const char* end, bool equals) {
  while (at < end && !ends_name(*at, equals)) ++at;
  return at;
}

// Whether text copied so far must stop at the byte: markup, an entity, a control character, a
// blank after a blank, or 0xC2 (it leads U+00A0, the no-break space).
inline bool stops_text(uint8_t byte, bool after_blank) {
  return byte < 0x20 || byte == '<' || byte == '&' || byte == 0xC2 || (byte == ' ' && after_blank);
}

// Copies text to `to` up to the first byte that stops_text(); returns how many bytes. `after_blank`
// says whether a blank went before. REQUIRED: `to` has room for end - at + 16 bytes.
inline size_t copy_text(const char* at, const char* end, char* to, bool after_blank) {
  const char* const from = at;
  unsigned carry = after_blank;
  const __m128i blank = _mm_set1_epi8(' ');
  const __m128i open = _mm_set1_epi8('<');
  const __m128i ampersand = _mm_set1_epi8('&');
  const __m128i c2 = _mm_set1_epi8(static_cast<char>(0xC2));
  const __m128i control = _mm_set1_epi8(0x1F);
  for (; end - at >= 16; at += 16, to += 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), block);
    const auto blanks = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(block, blank)));
    const __m128i other =
        _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(block, open), _mm_cmpeq_epi8(block, ampersand)),
                     _mm_or_si128(_mm_cmpeq_epi8(block, c2),
                                  _mm_cmpeq_epi8(_mm_min_epu8(block, control), block)));
    const unsigned stop =
        static_cast<unsigned>(_mm_movemask_epi8(other)) | (blanks & (blanks << 1 | carry));
    if (stop != 0) return static_cast<size_t>(at - from) + std::countr_zero(stop);
    carry = blanks >> 15;
  }
  bool was_blank = carry != 0;
  for (; at < end && !stops_text(static_cast<uint8_t>(*at), was_blank); ++at, ++to) {
    *to = *at;
    was_blank = *at == ' ';
  }
  return static_cast<size_t>(at - from);
}
inline size_t copy_text_scalar(const char* at, const char* end, char* to, bool after_blank) {
  const char* const from = at;
  for (; at < end && !stops_text(static_cast<uint8_t>(*at), after_blank); ++at, ++to) {
    *to = *at;
    after_blank = *at == ' ';
  }
  return static_cast<size_t>(at - from);
}

}  // namespace winnow
