// Bands of counts that symbols are named for: X_COUNT_ZERO, _ONE, _TWO, _THREE (3-4), _FIVE (5-6),
// _SEVEN (7-11), _TWELVE, and for recipients _GT_50.
#pragma once

#include <array>
#include <cstdint>

namespace winnow {

// Least count of each band, in the order of the symbols.
constexpr std::array<uint32_t, 8> kCountBands{0, 1, 2, 3, 5, 7, 12, 50};

// Index of the band that `count` is in; `bands` of them are told apart.
constexpr uint32_t count_band(uint32_t count, uint32_t bands) {
  uint32_t band = 0;
  while (band + 1 < bands && count >= kCountBands[band + 1]) ++band;
  return band;
}

}  // namespace winnow
