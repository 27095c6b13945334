// What a token of osb is believed, and what a sum of logarithms proves: of two classes and of more.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "engine/classify/logarithm.h"
#include "engine/classify/tokens.h"

namespace winnow {

// How far a token's counts are believed, by the distance of its pair.
constexpr std::array<double, 8> kOsbFeatureWeight{0, 3125, 256, 27, 1, 0, 0, 0};
constexpr double kOsbUnigramWeight = 1;

// By its kind, and how often it was `seen` in all classes together.
constexpr double osb_belief(TokenKind kind, double seen) {
  const double weight = kind == 0 ? kOsbUnigramWeight : kOsbFeatureWeight[kind & 7];
  return weight * seen / (1 + weight * seen);
}

// Chance that a sum of `k` logarithms of uniform numbers is below `sum`, which is <= 0.
inline double inverse_chi_square(double sum, uint32_t k) {
  double term = exponential(sum), total = term;
  if (term == 0) return 0;  // out of a double's range: the caller compares the sums
  for (uint32_t i = 1; i < k; ++i) {
    term *= -sum / i;
    total += term;
  }
  return std::min(1.0, total);
}

}  // namespace winnow
