// UTF-8 validation by three table look-ups a byte, after J. Keiser and D. Lemire, "Validating
// UTF-8 In Less Than One Instruction Per Byte" (2021). Each table is indexed by a nibble (high
// and low nibble of the previous byte, high nibble of this one) and holds the set of errors that
// nibble allows; a bit left after AND is an error. Three- and four-byte sequences are checked by
// where their third and fourth bytes must stand. Blocks of 64 ASCII bytes skip all of it.
#include "engine/text/utf8.h"

#include <immintrin.h>

#include <cstring>

namespace winnow {

namespace {

constexpr uint8_t kTooShort = 1 << 0, kTooLong = 1 << 1, kOverlong3 = 1 << 2, kTooLarge = 1 << 3,
                  kSurrogate = 1 << 4, kOverlong2 = 1 << 5, kTooLarge1000 = 1 << 6,
                  kOverlong4 = 1 << 6, kTwoConts = 1 << 7;
constexpr uint8_t kCarry = kTooShort | kTooLong | kTwoConts;

alignas(16) constexpr uint8_t kByte1High[16] = {kTooLong,
                                                kTooLong,
                                                kTooLong,
                                                kTooLong,
                                                kTooLong,
                                                kTooLong,
                                                kTooLong,
                                                kTooLong,
                                                kTwoConts,
                                                kTwoConts,
                                                kTwoConts,
                                                kTwoConts,
                                                kTooShort | kOverlong2,
                                                kTooShort,
                                                kTooShort | kOverlong3 | kSurrogate,
                                                kTooShort | kTooLarge | kTooLarge1000 | kOverlong4};
alignas(16) constexpr uint8_t kByte1Low[16] = {kCarry | kOverlong3 | kOverlong2 | kOverlong4,
                                               kCarry | kOverlong2,
                                               kCarry,
                                               kCarry,
                                               kCarry | kTooLarge,
                                               kCarry | kTooLarge | kTooLarge1000,
                                               kCarry | kTooLarge | kTooLarge1000,
                                               kCarry | kTooLarge | kTooLarge1000,
                                               kCarry | kTooLarge | kTooLarge1000,
                                               kCarry | kTooLarge | kTooLarge1000,
                                               kCarry | kTooLarge | kTooLarge1000,
                                               kCarry | kTooLarge | kTooLarge1000,
                                               kCarry | kTooLarge | kTooLarge1000,
                                               kCarry | kTooLarge | kTooLarge1000 | kSurrogate,
                                               kCarry | kTooLarge | kTooLarge1000,
                                               kCarry | kTooLarge | kTooLarge1000};
alignas(16) constexpr uint8_t kByte2High[16] = {
    kTooShort,
    kTooShort,
    kTooShort,
    kTooShort,
    kTooShort,
    kTooShort,
    kTooShort,
    kTooShort,
    kTooLong | kOverlong2 | kTwoConts | kOverlong3 | kTooLarge1000 | kOverlong4,
    kTooLong | kOverlong2 | kTwoConts | kOverlong3 | kTooLarge,
    kTooLong | kOverlong2 | kTwoConts | kSurrogate | kTooLarge,
    kTooLong | kOverlong2 | kTwoConts | kSurrogate | kTooLarge,
    kTooShort,
    kTooShort,
    kTooShort,
    kTooShort};

__m128i load(const void* from) { return _mm_loadu_si128(static_cast<const __m128i*>(from)); }

__m128i errors_of(__m128i input, __m128i prev) {
  const __m128i low4 = _mm_set1_epi8(0x0F);
  const __m128i prev1 = _mm_alignr_epi8(input, prev, 15);
  const __m128i prev2 = _mm_alignr_epi8(input, prev, 14);
  const __m128i prev3 = _mm_alignr_epi8(input, prev, 13);
  const auto high = [&](__m128i v) { return _mm_and_si128(_mm_srli_epi16(v, 4), low4); };
  const __m128i special =
      _mm_and_si128(_mm_and_si128(_mm_shuffle_epi8(load(kByte1High), high(prev1)),
                                  _mm_shuffle_epi8(load(kByte1Low), _mm_and_si128(prev1, low4))),
                    _mm_shuffle_epi8(load(kByte2High), high(input)));
  const __m128i third = _mm_subs_epu8(prev2, _mm_set1_epi8(static_cast<char>(0xE0 - 0x80)));
  const __m128i fourth = _mm_subs_epu8(prev3, _mm_set1_epi8(static_cast<char>(0xF0 - 0x80)));
  const __m128i must =
      _mm_and_si128(_mm_or_si128(third, fourth), _mm_set1_epi8(static_cast<char>(0x80)));
  return _mm_xor_si128(must, special);
}

}  // namespace

size_t ascii_prefix(std::string_view bytes) {
  size_t at = 0;
  for (; at + 16 <= bytes.size(); at += 16) {
    const int mask = _mm_movemask_epi8(load(bytes.data() + at));
    if (mask != 0) return at + static_cast<size_t>(__builtin_ctz(static_cast<unsigned>(mask)));
  }
  while (at < bytes.size() && static_cast<uint8_t>(bytes[at]) < 0x80) ++at;
  return at;
}

bool is_utf8(std::string_view bytes) {
  // Begins at the block of the first byte over 127: all before it is complete.
  size_t at = ascii_prefix(bytes) & ~size_t{15};
  __m128i prev = _mm_setzero_si128();
  __m128i error = _mm_setzero_si128();
  while (at + 64 <= bytes.size()) {
    const char* from = bytes.data() + at;
    const __m128i a = load(from), b = load(from + 16), c = load(from + 32), d = load(from + 48);
    const __m128i any = _mm_or_si128(_mm_or_si128(a, b), _mm_or_si128(c, d));
    if (_mm_movemask_epi8(_mm_or_si128(any, prev)) == 0) {
      prev = d;
    } else {
      error = _mm_or_si128(error, _mm_or_si128(errors_of(a, prev), errors_of(b, a)));
      error = _mm_or_si128(error, _mm_or_si128(errors_of(c, b), errors_of(d, c)));
      prev = d;
      if (_mm_movemask_epi8(_mm_cmpeq_epi8(error, _mm_setzero_si128())) != 0xFFFF) return false;
    }
    at += 64;
  }
  // The tail, padded with zeros: a sequence cut off by the end is "too short" before a zero.
  char tail[96] = {};
  if (at < bytes.size()) std::memcpy(tail, bytes.data() + at, bytes.size() - at);
  for (size_t i = 0; i < 80; i += 16) {
    const __m128i input = load(tail + i);
    error = _mm_or_si128(error, errors_of(input, prev));
    prev = input;
  }
  return _mm_movemask_epi8(_mm_cmpeq_epi8(error, _mm_setzero_si128())) == 0xFFFF;
}

size_t sequence_length(std::string_view bytes) {
  if (bytes.empty()) return 0;
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  const size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (bytes.size() < length) return 0;
  const uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (byte(1) < low || byte(1) > high) return 0;
  for (size_t i = 2; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  return length;
}

size_t broken_length(std::string_view bytes) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0xE0 || lead > 0xF4 || bytes.size() < 2) return 1;
  const uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (byte(1) < low || byte(1) > high) return 1;
  if (lead >= 0xF0 && bytes.size() > 2 && (byte(2) & 0xC0) == 0x80) return 3;
  return 2;
}

bool is_utf8_scalar(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t length = sequence_length(bytes);
    if (length == 0) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

}  // namespace winnow
