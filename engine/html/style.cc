// Declarations are split at ';' (outside url(...)), names looked up in a table made at compile
// time; most (font-family, padding, text-align ...) are not in it and cost one probe. Only the
// properties below decide what is seen. mso-hide is not among them: newsletters hide from Outlook
// with it what every other reader shows.
#include "engine/html/style.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "engine/html/packed_name.h"
#include "engine/html/scan.h"

namespace winnow {

namespace {

enum class Property : uint8_t {
  kDisplay,
  kVisibility,
  kOpacity,
  kFontSize,
  kFont,
  kColor,
  kBackground,
  kBackgroundColor,
  kBackgroundImage,
  kWidth,
  kHeight,
  kMaxWidth,
  kMaxHeight,
  kOverflow,
  kOverflowX,
  kOverflowY,
  kPosition,
  kLeft,
  kTop,
  kRight,
  kBottom,
  kTextIndent,
  kMarginLeft,
  kMarginTop,
  kWhiteSpace,
  kClip,
  kClipPath,
  kTransform,
  kTextFill,
};
constexpr std::array<std::string_view, 29> kProperties = {"display",
                                                          "visibility",
                                                          "opacity",
                                                          "font-size",
                                                          "font",
                                                          "color",
                                                          "background",
                                                          "background-color",
                                                          "background-image",
                                                          "width",
                                                          "height",
                                                          "max-width",
                                                          "max-height",
                                                          "overflow",
                                                          "overflow-x",
                                                          "overflow-y",
                                                          "position",
                                                          "left",
                                                          "top",
                                                          "right",
                                                          "bottom",
                                                          "text-indent",
                                                          "margin-left",
                                                          "margin-top",
                                                          "white-space",
                                                          "clip",
                                                          "clip-path",
                                                          "transform",
                                                          "-webkit-text-fill-color"};
constexpr PackedNameTable<128> kPropertyTable(kProperties);

constexpr int32_t kFarMilli = 900'000;  // px beyond which nothing is on the page

void set_flag(StyleDelta& delta, uint32_t bit, bool on) {
  delta.set |= bit;
  delta.value = on ? delta.value | bit : delta.value & ~bit;
}

bool starts_with(std::string_view text, std::string_view lower) {
  return text.size() >= lower.size() && same_folded(text.substr(0, lower.size()), lower);
}

bool contains_folded(std::string_view text, std::string_view lower) {
  for (size_t at = 0; at + lower.size() <= text.size(); ++at) {
    if (starts_with(text.substr(at), lower)) return true;
  }
  return false;
}

void set_font(StyleDelta& delta, const CssNumber& size) {
  delta.font = size;
  delta.set |= kStyleFont;
}

// font: [style weight] size[/line-height] family. A bare number is a weight, unless it is 0.
void read_font(StyleDelta& delta, std::string_view value) {
  for (size_t at = 0; at < value.size();) {
    if (is_css_blank(value[at])) {
      ++at;
      continue;
    }
    const CssNumber number = read_number(value.substr(at));
    if (number.length > 0 && (number.unit != CssUnit::kNone || number.milli == 0)) {
      return set_font(delta, number);
    }
    while (at < value.size() && !is_css_blank(value[at])) ++at;
  }
}

void read_background(StyleDelta& delta, std::string_view value) {
  if (contains_folded(value, "url(") || contains_folded(value, "gradient(")) {
    set_flag(delta, kStyleGround, true);
  }
  // The colour is one of the words; "rgb(1, 2, 3)" is one word too.
  for (size_t at = 0; at < value.size();) {
    if (is_css_blank(value[at]) || value[at] == ',') {
      ++at;
      continue;
    }
    size_t end = at;
    int depth = 0;
    while (end < value.size() && (depth > 0 || !is_css_blank(value[end]))) {
      depth += value[end] == '(' ? 1 : value[end] == ')' ? -1 : 0;
      ++end;
    }
    const Color color = parse_color(value.substr(at, end - at), false);
    if (color.known) {
      delta.background = color;
      delta.set |= kStyleBackground;
      if (color.alpha == 255 && !(delta.value & kStyleGround)) {
        set_flag(delta, kStyleGround, false);
      }
      return;
    }
    at = end;
  }
}

void read_opacity(StyleDelta& delta, std::string_view value) {
  const CssNumber number = read_number(value);
  if (number.length == 0) return;
  const int64_t whole = number.unit == CssUnit::kPercent ? 100'000 : 1000;
  const int64_t scaled = int64_t{number.milli} * 255 / whole;
  delta.opacity = static_cast<uint8_t>(std::clamp<int64_t>(scaled, 0, 255));
  delta.set |= kStyleOpacity;
}

void read_size(StyleDelta& delta, Property property, std::string_view value) {
  const CssNumber number = read_number(value);
  const bool given = number.length > 0;
  const bool none = given && number.milli <= 1000 && number.unit != CssUnit::kEm &&
                    (number.unit != CssUnit::kPercent || number.milli == 0);
  const bool width = property == Property::kWidth || property == Property::kMaxWidth;
  set_flag(delta, width ? kStyleNoWidth : kStyleNoHeight, none);
  if (!given || (number.unit != CssUnit::kPx && number.unit != CssUnit::kNone)) return;
  if (property == Property::kWidth) delta.width = std::max(0, number.milli / 1000);
  if (property == Property::kHeight) delta.height = std::max(0, number.milli / 1000);
}

bool far_away(std::string_view value) {
  const CssNumber number = read_number(value);
  return to_px_milli(number, 16'000, 600'000) <= -kFarMilli;
}

// clip: rect(top right bottom left)
bool clips_all(std::string_view arguments) {
  int64_t sides[4] = {};
  size_t count = 0;
  for (size_t at = 0; at < arguments.size() && arguments[at] != ')' && count < 4;) {
    const CssNumber number = read_number(arguments.substr(at));
    if (number.length > 0)
      sides[count++] = to_px_milli(number, 16'000, 0);
    else if (arguments[at] == 'a' || arguments[at] == 'A')
      return false;  // auto
    at += number.length > 0 ? number.length : 1;
  }
  return count == 4 && (sides[2] - sides[0] <= 1000 || sides[1] - sides[3] <= 1000);
}

// clip: rect(0 0 0 0); clip-path: inset(50%) and more; transform: scale(0).
bool leaves_nothing(Property property, std::string_view value) {
  const size_t open = value.find('(');
  if (open == std::string_view::npos) return false;
  const std::string_view arguments = trim_css(value.substr(open + 1));
  if (property == Property::kClip) return clips_all(arguments);
  const CssNumber first = read_number(arguments);
  if (first.length == 0) return false;
  if (property == Property::kClipPath) {
    return starts_with(value, "inset") ? first.unit == CssUnit::kPercent && first.milli >= 50'000
                                       : starts_with(value, "circle") && first.milli == 0;
  }
  if (starts_with(value, "scale")) return first.milli == 0;
  return starts_with(value, "translate") &&
         std::abs(to_px_milli(first, 16'000, 600'000)) >= kFarMilli;
}

void read_declaration(StyleDelta& delta, Property property, std::string_view value) {
  switch (property) {
    case Property::kDisplay:
      return set_flag(delta, kStyleNone, same_folded(value, "none"));
    case Property::kVisibility:
      return set_flag(delta, kStyleInvisible,
                      same_folded(value, "hidden") || same_folded(value, "collapse"));
    case Property::kOpacity:
      return read_opacity(delta, value);
    case Property::kFontSize: {
      const CssNumber number = read_number(value);
      if (number.length > 0) return set_font(delta, number);
      if (starts_with(value, "inherit")) return set_font(delta, {100'000, CssUnit::kPercent, 1});
      // The other words (small, x-large ...) are all large enough to be read.
      return set_font(delta, CssNumber{16'000, CssUnit::kPx, 1});
    }
    case Property::kFont:
      return read_font(delta, value);
    case Property::kColor:
    case Property::kTextFill: {
      const Color color = parse_color(value, false);
      if (color.known) delta.color = color, delta.set |= kStyleColor;
      return;
    }
    case Property::kBackground:
    case Property::kBackgroundColor:
      return read_background(delta, value);
    case Property::kBackgroundImage:
      return set_flag(delta, kStyleGround, !same_folded(value, "none"));
    case Property::kWidth:
    case Property::kHeight:
    case Property::kMaxWidth:
    case Property::kMaxHeight:
      return read_size(delta, property, value);
    case Property::kOverflow:
    case Property::kOverflowX:
    case Property::kOverflowY:
      return set_flag(delta, kStyleClips,
                      starts_with(value, "hidden") || starts_with(value, "clip"));
    case Property::kPosition:
      return set_flag(delta, kStyleOutOfFlow,
                      same_folded(value, "absolute") || same_folded(value, "fixed"));
    case Property::kLeft:
    case Property::kTop:
    case Property::kRight:
    case Property::kBottom:
      if (far_away(value)) set_flag(delta, kStyleFar, true);
      return;
    case Property::kTextIndent:
    case Property::kMarginLeft:
    case Property::kMarginTop:
      if (far_away(value)) set_flag(delta, kStyleFarIndent, true);
      return;
    case Property::kWhiteSpace:
      return set_flag(delta, kStylePre,
                      starts_with(value, "pre") || same_folded(value, "break-spaces"));
    case Property::kClip:
    case Property::kClipPath:
    case Property::kTransform:
      return set_flag(delta, kStyleClipped, leaves_nothing(property, value));
  }
}

// Undoes comments and backslash escapes (CSS Syntax 3, 4.3.7; letters only).
std::string_view clean_css(std::string_view text, std::vector<char>& scratch) {
  scratch.clear();
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    if (*at == '/' && end - at > 1 && at[1] == '*') {
      const size_t close = std::string_view(at + 2, static_cast<size_t>(end - at - 2)).find("*/");
      if (close == std::string_view::npos) break;
      at += close + 4;
      continue;
    }
    if (*at != '\\' || end - at < 2) {
      scratch.push_back(*at++);
      continue;
    }
    ++at;
    unsigned value = 0;
    int digits = 0;
    for (; at < end && digits < 6; ++at, ++digits) {
      const char c = static_cast<char>(*at | 0x20);
      if (is_css_digit(*at))
        value = value * 16 + static_cast<unsigned>(*at - '0');
      else if (c >= 'a' && c <= 'f')
        value = value * 16 + static_cast<unsigned>(c - 'a' + 10);
      else
        break;
    }
    if (digits == 0) {
      scratch.push_back(*at++);
      continue;
    }
    if (at < end && is_css_blank(*at)) ++at;
    scratch.push_back(value < 0x80 ? static_cast<char>(value) : '?');
  }
  return {scratch.data(), scratch.size()};
}

bool needs_cleaning(std::string_view text) {
  const char* const end = text.data() + text.size();
  for (const char* at = text.data(); (at = find_either(at, end, '\\', '/')) != end; ++at) {
    if (*at == '\\' || (end - at > 1 && at[1] == '*')) return true;
  }
  return false;
}

}  // namespace

void StyleDelta::take(const StyleDelta& other, uint32_t bits) {
  bits &= other.set;
  set |= bits;
  value = (value & ~bits) | (other.value & bits);
  if (bits & kStyleColor) color = other.color;
  if (bits & kStyleBackground) background = other.background;
  if (bits & kStyleFont) font = other.font;
  if (bits & kStyleOpacity) opacity = other.opacity;
  if (other.width >= 0) width = other.width;
  if (other.height >= 0) height = other.height;
}

void read_declarations(std::string_view text, std::vector<char>& scratch, StyleDelta& delta) {
  if (needs_cleaning(text)) text = clean_css(text, scratch);
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    while (at < end && (is_css_blank(*at) || *at == ';')) ++at;
    const char* const name = at;
    at = find_either(at, end, ':', ';');
    if (at == end || *at == ';') continue;
    const std::string_view name_text = trim_css({name, static_cast<size_t>(at - name)});
    const char* const value = ++at;
    at = find_byte(at, end, ';');
    const int id = kPropertyTable.find(kProperties, name_text, end);
    if (id < 0) continue;
    const auto property = static_cast<Property>(id);
    if (property == Property::kBackground || property == Property::kBackgroundImage) {
      // "url(data:image/png;base64,...)" holds a ';'.
      const char* const open = find_byte(value, at, '(');
      if (open != at && find_byte(open, at, ')') == at) {
        const char* const close = find_byte(at, end, ')');
        at = find_byte(close, end, ';');
      }
    }
    std::string_view value_text = trim_css({value, static_cast<size_t>(at - value)});
    const uint32_t had = delta.set;
    const size_t mark = value_text.rfind('!');
    const bool important = mark != std::string_view::npos &&
                           starts_with(trim_css(value_text.substr(mark + 1)), "important");
    if (important) value_text = trim_css(value_text.substr(0, mark));
    delta.set = 0;
    if (important || delta.important == 0) {
      read_declaration(delta, property, value_text);
    } else {
      StyleDelta plain;
      read_declaration(plain, property, value_text);
      delta.take(plain, ~delta.important);
    }
    if (important) delta.important |= delta.set;
    delta.set |= had;
  }
}

const StyleDelta& StyleCache::read(std::string_view text, std::vector<char>& scratch) {
  uint64_t last = 0;
  if (text.size() >= 8) std::memcpy(&last, text.data() + text.size() - 8, 8);
  Slot& slot = slots_[((last ^ text.size()) * 0x9E3779B97F4A7C15u) >> 59];
  if (!text.empty() && slot.text == text) return slot.delta;
  slot.text = text;
  slot.delta = {};
  read_declarations(text, scratch, slot.delta);
  return slot.delta;
}

ComputedStyle compute_style(const ComputedStyle& parent, const StyleDelta& delta) {
  ComputedStyle style = parent;
  const uint32_t on = delta.set & delta.value;
  if (on & (kStyleNone | kStyleFarIndent | kStyleClipped)) style.flags |= kComputedGone;
  if ((on & kStyleClips) && (on & (kStyleNoWidth | kStyleNoHeight))) style.flags |= kComputedGone;
  if ((on & kStyleOutOfFlow) && (on & kStyleFar)) style.flags |= kComputedGone;
  const auto answer = [&](uint32_t bit, uint8_t flag) {
    if (!(delta.set & bit)) return;
    style.flags =
        static_cast<uint8_t>(delta.value & bit ? style.flags | flag : style.flags & ~flag);
  };
  answer(kStyleInvisible, kComputedInvisible);
  answer(kStylePre, kComputedPre);
  if (delta.set & kStyleOpacity) {
    style.opacity = static_cast<uint8_t>(style.opacity * delta.opacity / 255);
    if (style.opacity < 13) style.flags |= kComputedGone;
  }
  if (delta.set & kStyleFont) {
    const int64_t parent_milli = parent.font_px16 * 1000 / 16;
    const int64_t px_milli = to_px_milli(delta.font, parent_milli, parent_milli);
    style.font_px16 = static_cast<uint16_t>(std::clamp<int64_t>(px_milli * 16 / 1000, 0, 0xFFFF));
  }
  if (delta.set & kStyleColor) {
    style.color = delta.color.rgb;
    style.flags = static_cast<uint8_t>(delta.color.alpha < 26 ? style.flags | kComputedClear
                                                              : style.flags & ~kComputedClear);
  }
  if ((delta.set & kStyleBackground) && delta.background.alpha > 127) {
    style.background = delta.background.rgb;
    style.flags &= static_cast<uint8_t>(~kComputedGround);
  }
  if (on & kStyleGround) style.flags |= kComputedGround;
  const bool transparent =
      (style.flags & kComputedClear) ||
      (!(style.flags & kComputedGround) && near_colors(style.color, style.background));
  const bool tiny = style.font_px16 < kFontSeenPx16;
  style.flags &= static_cast<uint8_t>(~(kComputedTransparent | kComputedTiny | kComputedHidden));
  if (transparent) style.flags |= kComputedTransparent;
  if (tiny) style.flags |= kComputedTiny;
  if (style.flags & (kComputedGone | kComputedInvisible | kComputedTransparent | kComputedTiny)) {
    style.flags |= kComputedHidden;
  }
  return style;
}

}  // namespace winnow
