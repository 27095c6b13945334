#include "engine/html/color.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>

#include "engine/html/css_value.h"
#include "engine/html/packed_name.h"

namespace winnow {

namespace {

struct NamedColor {
  std::string_view name;
  uint32_t rgb;
};

// CSS Color 4, section 6.1.
constexpr NamedColor kColors[] = {
    {"aliceblue", 0xf0f8ff},
    {"antiquewhite", 0xfaebd7},
    {"aqua", 0x00ffff},
    {"aquamarine", 0x7fffd4},
    {"azure", 0xf0ffff},
    {"beige", 0xf5f5dc},
    {"bisque", 0xffe4c4},
    {"black", 0x000000},
    {"blanchedalmond", 0xffebcd},
    {"blue", 0x0000ff},
    {"blueviolet", 0x8a2be2},
    {"brown", 0xa52a2a},
    {"burlywood", 0xdeb887},
    {"cadetblue", 0x5f9ea0},
    {"chartreuse", 0x7fff00},
    {"chocolate", 0xd2691e},
    {"coral", 0xff7f50},
    {"cornflowerblue", 0x6495ed},
    {"cornsilk", 0xfff8dc},
    {"crimson", 0xdc143c},
    {"cyan", 0x00ffff},
    {"darkblue", 0x00008b},
    {"darkcyan", 0x008b8b},
    {"darkgoldenrod", 0xb8860b},
    {"darkgray", 0xa9a9a9},
    {"darkgreen", 0x006400},
    {"darkgrey", 0xa9a9a9},
    {"darkkhaki", 0xbdb76b},
    {"darkmagenta", 0x8b008b},
    {"darkolivegreen", 0x556b2f},
    {"darkorange", 0xff8c00},
    {"darkorchid", 0x9932cc},
    {"darkred", 0x8b0000},
    {"darksalmon", 0xe9967a},
    {"darkseagreen", 0x8fbc8f},
    {"darkslateblue", 0x483d8b},
    {"darkslategray", 0x2f4f4f},
    {"darkslategrey", 0x2f4f4f},
    {"darkturquoise", 0x00ced1},
    {"darkviolet", 0x9400d3},
    {"deeppink", 0xff1493},
    {"deepskyblue", 0x00bfff},
    {"dimgray", 0x696969},
    {"dimgrey", 0x696969},
    {"dodgerblue", 0x1e90ff},
    {"firebrick", 0xb22222},
    {"floralwhite", 0xfffaf0},
    {"forestgreen", 0x228b22},
    {"fuchsia", 0xff00ff},
    {"gainsboro", 0xdcdcdc},
    {"ghostwhite", 0xf8f8ff},
    {"gold", 0xffd700},
    {"goldenrod", 0xdaa520},
    {"gray", 0x808080},
    {"green", 0x008000},
    {"greenyellow", 0xadff2f},
    {"grey", 0x808080},
    {"honeydew", 0xf0fff0},
    {"hotpink", 0xff69b4},
    {"indianred", 0xcd5c5c},
    {"indigo", 0x4b0082},
    {"ivory", 0xfffff0},
    {"khaki", 0xf0e68c},
    {"lavender", 0xe6e6fa},
    {"lavenderblush", 0xfff0f5},
    {"lawngreen", 0x7cfc00},
    {"lemonchiffon", 0xfffacd},
    {"lightblue", 0xadd8e6},
    {"lightcoral", 0xf08080},
    {"lightcyan", 0xe0ffff},
    {"lightgoldenrodyellow", 0xfafad2},
    {"lightgray", 0xd3d3d3},
    {"lightgreen", 0x90ee90},
    {"lightgrey", 0xd3d3d3},
    {"lightpink", 0xffb6c1},
    {"lightsalmon", 0xffa07a},
    {"lightseagreen", 0x20b2aa},
    {"lightskyblue", 0x87cefa},
    {"lightslategray", 0x778899},
    {"lightslategrey", 0x778899},
    {"lightsteelblue", 0xb0c4de},
    {"lightyellow", 0xffffe0},
    {"lime", 0x00ff00},
    {"limegreen", 0x32cd32},
    {"linen", 0xfaf0e6},
    {"magenta", 0xff00ff},
    {"maroon", 0x800000},
    {"mediumaquamarine", 0x66cdaa},
    {"mediumblue", 0x0000cd},
    {"mediumorchid", 0xba55d3},
    {"mediumpurple", 0x9370db},
    {"mediumseagreen", 0x3cb371},
    {"mediumslateblue", 0x7b68ee},
    {"mediumspringgreen", 0x00fa9a},
    {"mediumturquoise", 0x48d1cc},
    {"mediumvioletred", 0xc71585},
    {"midnightblue", 0x191970},
    {"mintcream", 0xf5fffa},
    {"mistyrose", 0xffe4e1},
    {"moccasin", 0xffe4b5},
    {"navajowhite", 0xffdead},
    {"navy", 0x000080},
    {"oldlace", 0xfdf5e6},
    {"olive", 0x808000},
    {"olivedrab", 0x6b8e23},
    {"orange", 0xffa500},
    {"orangered", 0xff4500},
    {"orchid", 0xda70d6},
    {"palegoldenrod", 0xeee8aa},
    {"palegreen", 0x98fb98},
    {"paleturquoise", 0xafeeee},
    {"palevioletred", 0xdb7093},
    {"papayawhip", 0xffefd5},
    {"peachpuff", 0xffdab9},
    {"peru", 0xcd853f},
    {"pink", 0xffc0cb},
    {"plum", 0xdda0dd},
    {"powderblue", 0xb0e0e6},
    {"purple", 0x800080},
    {"rebeccapurple", 0x663399},
    {"red", 0xff0000},
    {"rosybrown", 0xbc8f8f},
    {"royalblue", 0x4169e1},
    {"saddlebrown", 0x8b4513},
    {"salmon", 0xfa8072},
    {"sandybrown", 0xf4a460},
    {"seagreen", 0x2e8b57},
    {"seashell", 0xfff5ee},
    {"sienna", 0xa0522d},
    {"silver", 0xc0c0c0},
    {"skyblue", 0x87ceeb},
    {"slateblue", 0x6a5acd},
    {"slategray", 0x708090},
    {"slategrey", 0x708090},
    {"snow", 0xfffafa},
    {"springgreen", 0x00ff7f},
    {"steelblue", 0x4682b4},
    {"tan", 0xd2b48c},
    {"teal", 0x008080},
    {"thistle", 0xd8bfd8},
    {"tomato", 0xff6347},
    {"turquoise", 0x40e0d0},
    {"violet", 0xee82ee},
    {"wheat", 0xf5deb3},
    {"white", 0xffffff},
    {"whitesmoke", 0xf5f5f5},
    {"yellow", 0xffff00},
    {"yellowgreen", 0x9acd32},
};

constexpr auto kNames = [] {
  std::array<std::string_view, std::size(kColors)> names;
  for (size_t i = 0; i < names.size(); ++i) names[i] = kColors[i].name;
  return names;
}();
constexpr PackedNameTable<512> kTable(kNames);

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

Color parse_hex(std::string_view digits) {
  uint32_t value = 0;
  if (digits.size() > 8) return {};
  for (const char c : digits) {
    const int digit = hex_digit(c);
    if (digit < 0) return {};
    value = value << 4 | static_cast<uint32_t>(digit);
  }
  const auto twice = [&](int shift) { return (value >> shift & 15) * 17; };
  switch (digits.size()) {
    case 3:
      return {true, 255, twice(8) << 16 | twice(4) << 8 | twice(0)};
    case 4:
      return {true, static_cast<uint8_t>(twice(0)), twice(12) << 16 | twice(8) << 8 | twice(4)};
    case 6:
      return {true, 255, value};
    case 8:
      return {true, static_cast<uint8_t>(value), value >> 8};
    default:
      return {};
  }
}

uint8_t to_byte(int64_t milli, int64_t whole_milli) {
  return static_cast<uint8_t>(std::clamp<int64_t>(milli * 255 / whole_milli, 0, 255));
}

// hue in degrees, saturation and lightness in thousandths (CSS Color 4, 7.1, in integers).
uint32_t hsl_to_rgb(int64_t hue, int64_t saturation, int64_t lightness) {
  hue = ((hue % 360) + 360) % 360;
  saturation = std::clamp<int64_t>(saturation, 0, 1000);
  lightness = std::clamp<int64_t>(lightness, 0, 1000);
  const int64_t reach = saturation * std::min(lightness, 1000 - lightness) / 1000;
  const auto channel = [&](int64_t n) {
    const int64_t k = (n * 1000 + hue * 1000 / 30) % 12000;
    const int64_t slope = std::clamp<int64_t>(std::min(k - 3000, 9000 - k), -1000, 1000);
    return static_cast<uint32_t>(to_byte(lightness - reach * slope / 1000, 1000));
  };
  return channel(0) << 16 | channel(8) << 8 | channel(4);
}

Color parse_function(std::string_view text) {
  const bool hsl = (text[0] | 0x20) == 'h';
  size_t at = 3;
  if ((text[at] | 0x20) == 'a') ++at;
  if (at == text.size() || text[at] != '(') return {};
  CssNumber numbers[4];
  size_t count = 0;
  for (++at; at < text.size() && text[at] != ')';) {
    if (is_css_blank(text[at]) || text[at] == ',' || text[at] == '/') {
      ++at;
      continue;
    }
    if (count == 4 || !starts_number(text.substr(at))) return {};
    numbers[count] = read_number(text.substr(at));
    at += std::max<size_t>(numbers[count++].length, 1);
  }
  // An end of the text closes the function, as in a browser; nothing may follow it.
  if (count < 3 || at + 1 < text.size()) return {};
  Color color{true, 255, 0};
  if (hsl) {
    color.rgb = hsl_to_rgb(numbers[0].milli / 1000, numbers[1].milli / 100, numbers[2].milli / 100);
  } else {
    for (int i = 0; i < 3; ++i) {
      const bool percent = numbers[i].unit == CssUnit::kPercent;
      color.rgb = color.rgb << 8 | to_byte(numbers[i].milli, percent ? 100'000 : 255'000);
    }
  }
  if (count == 4) {
    color.alpha = to_byte(numbers[3].milli, numbers[3].unit == CssUnit::kPercent ? 100'000 : 1000);
  }
  return color;
}

}  // namespace

Color parse_color(std::string_view text, bool attribute) {
  text = trim_css(text);
  if (text.size() < 3) return {};
  if (text[0] == '#') return parse_hex(text.substr(1));
  if (same_folded(text, "transparent")) return {true, 0, 0};
  const std::string_view head = text.substr(0, 3);
  if (text.size() > 4 && (same_folded(head, "rgb") || same_folded(head, "hsl"))) {
    return parse_function(text);
  }
  const int id = kTable.find(kNames, text);
  if (id >= 0) return {true, 255, kColors[id].rgb};
  return attribute && (text.size() == 6 || text.size() == 3) ? parse_hex(text) : Color{};
}

bool near_colors(uint32_t a, uint32_t b) {
  int sum = 0;
  for (int shift = 0; shift <= 16; shift += 8) {
    sum += std::abs(static_cast<int>(a >> shift & 255) - static_cast<int>(b >> shift & 255));
  }
  return sum <= kColorNear;
}

}  // namespace winnow
