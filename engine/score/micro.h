// Points as configuration writes them, as the whole numbers that scores are made of.
#pragma once

#include <algorithm>
#include <cmath>

#include "engine/verdict.h"

namespace winnow {

constexpr double kPointsMax = 1e9;  // of a weight, a cap or a threshold

// The nearest to `points` within kPointsMax; what is no number gives nothing.
inline Micro to_micro(double points) {
  if (std::isnan(points)) return 0;
  return std::llround(std::clamp(points, -kPointsMax, kPointsMax) * static_cast<double>(kMicro));
}

}  // namespace winnow
