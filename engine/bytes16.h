// Sixteen bytes at once (SSE2, which x86-64 always has): what scans of texts ask of them. A byte is
// marked by all its bits; bytes over 127 are signed, so within() holds none of them.
#pragma once

#include <emmintrin.h>

#include <cstddef>

namespace winnow::bytes16 {

inline __m128i load(const char* at) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
}
inline __m128i is(__m128i bytes, char c) { return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(c)); }
// REQUIRED: both in ASCII, first > 0, last < 127.
inline __m128i within(__m128i bytes, char first, char last) {
  return _mm_and_si128(_mm_cmpgt_epi8(bytes, _mm_set1_epi8(static_cast<char>(first - 1))),
                       _mm_cmplt_epi8(bytes, _mm_set1_epi8(static_cast<char>(last + 1))));
}
inline __m128i letters(__m128i bytes) {
  return within(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), 'a', 'z');
}
inline __m128i any(__m128i a, __m128i b) { return _mm_or_si128(a, b); }
// ASCII capitals as small letters, the rest as it is.
inline __m128i lowered(__m128i bytes) {
  return any(bytes, _mm_and_si128(within(bytes, 'A', 'Z'), _mm_set1_epi8(0x20)));
}
// A bit a byte, the first one lowest.
inline unsigned mask(__m128i marks) { return static_cast<unsigned>(_mm_movemask_epi8(marks)); }

// Counts of marked bytes, sixteen lanes wide.
struct LaneCount {
  static constexpr size_t kBlocksMax = 255;  // between two flushes: lanes have eight bits
  __m128i lanes = _mm_setzero_si128();
  size_t total = 0;

  void add(__m128i marks) { lanes = _mm_sub_epi8(lanes, marks); }
  void flush() {
    const __m128i sums = _mm_sad_epu8(lanes, _mm_setzero_si128());
    total += static_cast<size_t>(_mm_cvtsi128_si64(sums)) +
             static_cast<size_t>(_mm_cvtsi128_si64(_mm_unpackhi_epi64(sums, sums)));
    lanes = _mm_setzero_si128();
  }
};

}  // namespace winnow::bytes16
