#include "engine/classify/logarithm.h"

#include <emmintrin.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <limits>

namespace winnow {

namespace {

// ln 2 in two parts: the first has trailing zeros, so that k * kLn2High is exact.
constexpr double kLn2High = 6.93147180369123816490e-01;
constexpr double kLn2Low = 1.90821492927058770002e-10;
constexpr double kSqrt2 = 1.41421356237309504880;
// 1 / n of the series, from the back: a division each would cost more than all else.
constexpr double kParts[] = {1.0 / 21, 1.0 / 19, 1.0 / 17, 1.0 / 15, 1.0 / 13,
                             1.0 / 11, 1.0 / 9,  1.0 / 7,  1.0 / 5,  1.0 / 3};

}  // namespace

// x = m * 2^k with m in [sqrt(1/2), sqrt(2)); ln m = 2 artanh(s), s = (m - 1) / (m + 1).
double natural_log(double x) {
  const auto bits = std::bit_cast<uint64_t>(x);
  int k = static_cast<int>(bits >> 52) - 1023;
  double m = std::bit_cast<double>((bits & 0x000FFFFFFFFFFFFFu) | 0x3FF0000000000000u);
  // No branch: which half it lies in nobody can guess.
  const bool upper = m >= kSqrt2;
  m *= upper ? 0.5 : 1.0;
  k += upper;
  const double s = (m - 1) / (m + 1);
  const double q = s * s;
  double sum = 0;
  for (const double part : kParts) sum = (sum + part) * q;
  const double exponent = k;
  return exponent * kLn2High + (2 * s + (2 * s * sum + exponent * kLn2Low));
}

namespace {

// Two at a time, and four such beside one another, as each step waits for the one before; the
// operations are those of natural_log(). REQUIRED: eight numbers stand there.
void eight_logs(double* numbers) {
  constexpr size_t kSide = 4;
  const __m128d one = _mm_set1_pd(1), half = _mm_set1_pd(0.5), two = _mm_set1_pd(2);
  const __m128i whole = _mm_set1_epi64x(0x4330000000000000);  // 2^52: a number below is added to it
  __m128d exponent[kSide], s[kSide], q[kSide], sum[kSide];
  for (size_t i = 0; i < kSide; ++i) {
    const __m128i bits = _mm_castpd_si128(_mm_loadu_pd(numbers + 2 * i));
    const __m128i k = _mm_or_si128(_mm_srli_epi64(bits, 52), whole);
    const __m128i fraction = _mm_and_si128(bits, _mm_set1_epi64x(0x000FFFFFFFFFFFFF));
    __m128d m = _mm_castsi128_pd(_mm_or_si128(fraction, _mm_set1_epi64x(0x3FF0000000000000)));
    const __m128d upper = _mm_cmpge_pd(m, _mm_set1_pd(kSqrt2));
    m = _mm_mul_pd(m, _mm_sub_pd(one, _mm_and_pd(upper, half)));
    exponent[i] = _mm_sub_pd(_mm_castsi128_pd(k), _mm_set1_pd(0x1p52 + 1023));
    exponent[i] = _mm_add_pd(exponent[i], _mm_and_pd(upper, one));
    s[i] = _mm_div_pd(_mm_sub_pd(m, one), _mm_add_pd(m, one));
    q[i] = _mm_mul_pd(s[i], s[i]);
    sum[i] = _mm_setzero_pd();
  }
  for (const double part : kParts)
    for (size_t i = 0; i < kSide; ++i)
      sum[i] = _mm_mul_pd(_mm_add_pd(sum[i], _mm_set1_pd(part)), q[i]);
  for (size_t i = 0; i < kSide; ++i) {
    const __m128d twice = _mm_mul_pd(two, s[i]);
    const __m128d low =
        _mm_add_pd(_mm_mul_pd(twice, sum[i]), _mm_mul_pd(exponent[i], _mm_set1_pd(kLn2Low)));
    const __m128d high = _mm_mul_pd(exponent[i], _mm_set1_pd(kLn2High));
    _mm_storeu_pd(numbers + 2 * i, _mm_add_pd(high, _mm_add_pd(twice, low)));
  }
}

}  // namespace

void natural_logs(std::span<double> numbers) {
  constexpr size_t kAtOnce = 8;
  for (; numbers.size() >= kAtOnce; numbers = numbers.subspan(kAtOnce)) eight_logs(numbers.data());
  if (numbers.empty()) return;
  std::array<double, kAtOnce> room;
  room.fill(1);
  std::ranges::copy(numbers, room.begin());
  eight_logs(room.data());
  std::copy_n(room.begin(), numbers.size(), numbers.begin());
}

// x = k ln 2 + r, |r| <= ln 2 / 2; e^r by its series.
double exponential(double x) {
  if (x < -708) return 0;
  if (x > 709) return std::numeric_limits<double>::infinity();
  const double scaled = x * 1.44269504088896340736;
  const auto k = static_cast<int64_t>(scaled + (scaled < 0 ? -0.5 : 0.5));
  const auto whole = static_cast<double>(k);
  const double r = (x - whole * kLn2High) - whole * kLn2Low;
  double sum = 1;
  for (int n = 14; n >= 1; --n) sum = 1 + sum * r / n;
  return sum * std::bit_cast<double>(static_cast<uint64_t>(k + 1023) << 52);
}

}  // namespace winnow
