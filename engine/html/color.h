// Colours as CSS and HTML attributes write them, and whether one can be read on another.
#pragma once

#include <cstdint>
#include <string_view>

namespace winnow {

struct Color {
  bool known = false;  // false: not a colour (inherit, var(), broken)
  uint8_t alpha = 255;
  uint32_t rgb = 0;  // 0xRRGGBB
};

// "#rgb", "#rrggbb" and both with alpha, rgb(), rgba(), hsl(), hsla(), CSS names, "transparent".
// `attribute`: a value of bgcolor, color, text, where hex digits may stand without '#'.
// Case and surrounding blanks do not matter. CSS Color 4, sections 4 to 6.
Color parse_color(std::string_view text, bool attribute);

// Whether text of one colour cannot be told from a ground of the other: their channels differ by
// at most kColorNear in sum (#f5f5f5 on white is hidden, #eee is not).
constexpr int kColorNear = 36;
bool near_colors(uint32_t a, uint32_t b);

}  // namespace winnow
