#include "engine/classify/logarithm.h"

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
