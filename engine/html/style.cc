// Declarations are split as CSS does (css_text.h), names looked up in a table made at compile
// time; most (font-family, padding, text-align ...) are not in it and cost one probe. Only the
// properties below decide what is seen. mso-hide is not among them: newsletters hide from Outlook
// with it what every other reader shows.
#include "engine/html/style.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "engine/ascii.h"
#include "engine/html/css_text.h"
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
  kBackgroundClip,
  kWebkitBackgroundClip,
  kWidth,
  kHeight,
  kMaxWidth,
  kMaxHeight,
  kMinWidth,
  kMinHeight,
  kOverflow,
  kOverflowX,
  kOverflowY,
  kPosition,
  kFloat,
  kLeft,
  kTop,
  kRight,
  kBottom,
  kTextIndent,
  kMarginLeft,
  kMarginTop,
  kMargin,
  kInset,
  kAll,
  kWhiteSpace,
  kClip,
  kClipPath,
  kTransform,
  kTextShadow,
  kTextFill,
  kTextStroke,
  kTextStrokeWidth,
  kCount
};
constexpr std::array<std::string_view, static_cast<size_t>(Property::kCount)> kProperties = {
    "display",
    "visibility",
    "opacity",
    "font-size",
    "font",
    "color",
    "background",
    "background-color",
    "background-image",
    "background-clip",
    "-webkit-background-clip",
    "width",
    "height",
    "max-width",
    "max-height",
    "min-width",
    "min-height",
    "overflow",
    "overflow-x",
    "overflow-y",
    "position",
    "float",
    "left",
    "top",
    "right",
    "bottom",
    "text-indent",
    "margin-left",
    "margin-top",
    "margin",
    "inset",
    "all",
    "white-space",
    "clip",
    "clip-path",
    "transform",
    "text-shadow",
    "-webkit-text-fill-color",
    "-webkit-text-stroke",
    "-webkit-text-stroke-width"};
constexpr PackedNameTable<128> kPropertyTable(kProperties);

constexpr int32_t kFarMilli = 900'000;  // px beyond which nothing is on the page

void set_flag(StyleDelta& delta, uint32_t bit, bool on) {
  delta.set |= bit;
  delta.value = on ? delta.value | bit : delta.value & ~bit;
}

bool one_of(std::string_view value, std::initializer_list<std::string_view> lower) {
  return std::any_of(lower.begin(), lower.end(),
                     [&](std::string_view word) { return same_folded(value, word); });
}

bool starts_with_one_of(std::string_view text, std::initializer_list<std::string_view> lower) {
  return std::any_of(lower.begin(), lower.end(),
                     [&](std::string_view start) { return starts_caseless(text, start); });
}

bool contains(std::string_view text, std::string_view lower) {
  return find_caseless(text, lower) != std::string_view::npos;
}

// The next of the words between blanks, cut from `text`; empty at its end.
std::string_view next_word(std::string_view& text) {
  text = trim_css(text);
  size_t end = 0;
  while (end < text.size() && !is_css_blank(text[end])) ++end;
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end);
  return word;
}

// A word that every property takes.
bool is_css_wide(std::string_view value) {
  return one_of(value, {"inherit", "initial", "unset", "revert", "revert-layer"});
}

// Valid for every property that takes a word or a number, but what it comes to is not known here;
// it is taken for something that is seen.
bool is_computed(std::string_view value) {
  return is_css_wide(value) ||
         starts_with_one_of(value, {"calc(", "min(", "max(", "clamp(", "env("}) ||
         contains(value, "var(");
}

// The length or percentage that is the whole value; length 0 if it is none. Bare numbers are
// lengths in quirks mode, in which most mail is read.
CssNumber whole_number(std::string_view value) {
  const CssNumber number = read_number(value);
  return number.length == value.size() && number.unit != CssUnit::kOther ? number : CssNumber();
}

// The box of a valid display that is not none; one that is not known takes the fewest properties.
StyleBox box_of(std::string_view value) {
  if (contains(value, "flex") || contains(value, "grid")) return StyleBox::kFlex;
  if (starts_caseless(value, "table-")) return StyleBox::kPart;
  if (contains(value, "table")) return StyleBox::kTable;
  if (contains(value, "inline-block") || contains(value, "flow-root")) return StyleBox::kBlock;
  const bool block = !contains(value, "inline") && !is_computed(value) &&
                     (contains(value, "block") || contains(value, "box") ||
                      contains(value, "flow") || contains(value, "list-item"));
  return block ? StyleBox::kBlock : StyleBox::kInline;
}

// One word, or each of the outer box, the inner box and the list item at most once.
bool is_display(std::string_view value) {
  if (one_of(value, {"none",
                     "contents",
                     "inline-block",
                     "inline-table",
                     "inline-flex",
                     "inline-grid",
                     "table-row",
                     "table-cell",
                     "table-caption",
                     "table-column",
                     "table-row-group",
                     "table-header-group",
                     "table-footer-group",
                     "table-column-group",
                     "ruby-base",
                     "ruby-text",
                     "math",
                     "-webkit-box",
                     "-webkit-inline-box",
                     "-webkit-flex",
                     "-webkit-inline-flex"}) ||
      is_computed(value)) {
    return true;
  }
  int outer = 0, inner = 0, item = 0;
  for (std::string_view word; !(word = next_word(value)).empty();) {
    if (one_of(word, {"block", "inline"}))
      ++outer;
    else if (one_of(word, {"flow", "flow-root", "table", "flex", "grid", "ruby"}))
      ++inner;
    else if (same_folded(word, "list-item"))
      ++item;
    else
      return false;
  }
  return outer + inner + item > 0 && outer <= 1 && inner <= 1 && item <= 1;
}

void set_font(StyleDelta& delta, const CssNumber& size) {
  if (size.milli < 0 || size.unit == CssUnit::kOther) return;
  delta.font = size;
  delta.set |= kStyleFont;
}

// A size that is no number. All but inherit are large enough to be read.
void set_font_word(StyleDelta& delta, std::string_view word) {
  const bool inherited = one_of(word, {"inherit", "unset"});
  set_font(delta, inherited ? CssNumber{100'000, CssUnit::kPercent, 1}
                            : CssNumber{16'000, CssUnit::kPx, 1});
}

bool is_font_size_word(std::string_view word) {
  return one_of(word, {"xx-small", "x-small", "small", "medium", "large", "x-large", "xx-large",
                       "xxx-large", "smaller", "larger", "math"});
}

void read_font_size(StyleDelta& delta, std::string_view value) {
  const CssNumber number = whole_number(value);
  if (number.length > 0) return set_font(delta, number);
  if (is_font_size_word(value) || is_computed(value)) set_font_word(delta, value);
}

// font: [style weight] size[/line-height] family. A bare number is a weight, unless it is 0.
void read_font(StyleDelta& delta, std::string_view value) {
  if (is_computed(value) ||
      one_of(value, {"caption", "icon", "menu", "message-box", "small-caption", "status-bar"})) {
    return set_font_word(delta, value);
  }
  while (!(value = trim_css(value)).empty()) {
    const CssNumber number = read_number(value);
    std::string_view rest = value;
    std::string_view word = next_word(rest);
    const bool weight =
        number.length == word.size() && number.unit == CssUnit::kNone && number.milli > 0;
    if (weight ||
        one_of(word, {"normal", "italic", "oblique", "small-caps", "bold", "bolder", "lighter",
                      "condensed", "semi-condensed", "extra-condensed", "ultra-condensed",
                      "expanded", "semi-expanded", "extra-expanded", "ultra-expanded"})) {
      value = rest;
      continue;
    }
    word = word.substr(0, word.find('/'));
    if (number.length == 0 && !is_font_size_word(word)) return;
    rest = trim_css(value.substr(number.length > 0 ? number.length : word.size()));
    if (rest.starts_with('/')) {
      rest.remove_prefix(1);
      next_word(rest);
    }
    if (trim_css(rest).empty()) return;  // without a family it is no font
    if (number.length == 0) return set_font_word(delta, word);
    if (number.unit != CssUnit::kNone || number.milli == 0) set_font(delta, number);
    return;
  }
}

// A colour as a value of CSS. What only a browser knows is kUnknownColor; so are hex digits without
// '#', which are a colour in quirks mode only.
Color css_color(std::string_view value) {
  const Color color = parse_color(value, false);
  if (color.known) return color;
  constexpr Color kUnknown = {true, 255, kUnknownColor};
  if (same_folded(value, "currentcolor") || (is_computed(value) && !is_css_wide(value)) ||
      starts_with_one_of(
          value, {"rgb(", "rgba(", "hsl(", "hsla(", "hwb(", "lab(", "lch(", "oklab(", "oklch(",
                  "color(", "color-mix(", "light-dark(", "device-cmyk(", "contrast-color("})) {
    // Of the forms that are known here, one with relative or computed parts.
    const bool plain = starts_with_one_of(value, {"rgb", "hsl"});
    const bool computed = contains(value, "from") || contains(value, "calc(") ||
                          contains(value, "none") || contains(value, "var(");
    return plain && !computed ? Color{} : kUnknown;
  }
  constexpr std::string_view kSystem[] = {"accentcolor",
                                          "accentcolortext",
                                          "activetext",
                                          "buttonborder",
                                          "buttonface",
                                          "buttontext",
                                          "canvas",
                                          "canvastext",
                                          "field",
                                          "fieldtext",
                                          "graytext",
                                          "highlight",
                                          "linktext",
                                          "highlighttext",
                                          "mark",
                                          "marktext",
                                          "selecteditem",
                                          "visitedtext",
                                          "selecteditemtext",
                                          "windowtext",
                                          "window",
                                          "background",
                                          "menu",
                                          "menutext",
                                          "infobackground",
                                          "infotext",
                                          "threedface",
                                          "threedshadow"};
  for (const std::string_view name : kSystem) {
    if (same_folded(value, name)) return kUnknown;
  }
  return parse_color(value, true).known ? kUnknown : Color{};
}

void read_color(StyleDelta& delta, std::string_view value) {
  Color color = css_color(value);
  if (same_folded(value, "initial")) color = {true, 255, 0};
  const bool inherited = is_css_wide(value) || same_folded(value, "currentcolor");
  if (!color.known && !inherited) return;
  if (inherited && !same_folded(value, "initial")) color = {};  // as the parent's
  delta.color = color;
  delta.set |= kStyleColor;
}

// Whether a word of a background is neither colour nor picture but valid.
bool is_background_word(std::string_view word) {
  return read_number(word).length > 0 ||
         starts_with_one_of(word, {"calc(", "min(", "max(", "clamp(", "env("}) ||
         one_of(word, {"none",  "repeat", "repeat-x", "repeat-y",   "no-repeat",   "space",
                       "round", "scroll", "fixed",    "local",      "top",         "left",
                       "right", "bottom", "center",   "border-box", "padding-box", "content-box",
                       "text",  "cover",  "contain",  "auto"});
}

// The shorthand: what it does not name is reset. The colour is one of its words ("rgb(1, 2, 3)" is
// one word, too); a function that is not known makes the ground unknown.
void read_background(StyleDelta& delta, std::string_view value) {
  Color color = {true, 0, 0};
  bool picture = false;
  bool in_text = false;
  if (value.empty()) return;
  for (size_t at = is_css_wide(value) ? value.size() : 0; at < value.size();) {
    if (is_css_blank(value[at]) || value[at] == ',' || value[at] == '/') {
      ++at;
      continue;
    }
    size_t end = at;
    int depth = 0;
    while (end < value.size() &&
           (depth > 0 || !(is_css_blank(value[end]) || value[end] == ',' || value[end] == '/'))) {
      depth += value[end] == '(' ? 1 : value[end] == ')' ? -1 : 0;
      ++end;
    }
    const std::string_view word = value.substr(at, end - at);
    at = end;
    // Hex digits without '#' are no colour in a shorthand.
    const Color own = parse_color(word, true).known ? parse_color(word, false) : css_color(word);
    if (own.known)
      color = own;
    else if (is_background_word(word))
      in_text = in_text || same_folded(word, "text");
    else if (word.find('(') != std::string_view::npos)
      picture = true;
    else
      return;
  }
  delta.background = color;
  delta.set |= kStyleBackground;
  set_flag(delta, kStyleGround, picture);
  set_flag(delta, kStyleGroundInText, in_text);
}

void read_opacity(StyleDelta& delta, std::string_view value) {
  CssNumber number = whole_number(value);
  if (number.length == 0 && is_computed(value)) number = {1000, CssUnit::kNone, 1};
  const bool percent = number.unit == CssUnit::kPercent;
  if (number.length == 0 || !(percent || number.unit == CssUnit::kNone)) return;
  const int64_t whole = percent ? 100'000 : 1000;
  const int64_t scaled = int64_t{number.milli} * 255 / whole;
  delta.opacity = static_cast<uint8_t>(std::clamp<int64_t>(scaled, 0, 255));
  delta.set |= kStyleOpacity;
}

// Sets the flag if the length is one, or a word that stands for none of its kind.
void set_far(StyleDelta& delta, uint32_t bit, std::string_view value) {
  const CssNumber number = whole_number(value);
  if (number.length == 0 && !same_folded(value, "auto") && !is_computed(value)) return;
  set_flag(delta, bit, to_px_milli(number, 16'000, 600'000) <= -kFarMilli);
}

bool is_intrinsic_size(std::string_view value) {
  return starts_with_one_of(
      value, {"min-content", "max-content", "fit-content", "stretch", "-webkit-", "-moz-"});
}

// width, height, max-width, max-height: `bit` is for one of nothing. A percentage of a height is
// one of nothing known (CSS 2.2, 10.5).
void read_size(StyleDelta& delta, Property property, uint32_t bit, std::string_view value) {
  const CssNumber number = whole_number(value);
  const bool given = number.length > 0;
  const bool most = property == Property::kMaxWidth || property == Property::kMaxHeight;
  if (given ? number.milli < 0
            : !same_folded(value, most ? "none" : "auto") && !is_computed(value) &&
                  !is_intrinsic_size(value)) {
    return;
  }
  const bool height = property == Property::kHeight || property == Property::kMaxHeight;
  bool none = given && number.milli == 0;
  if (number.unit == CssUnit::kPercent)
    none = none && !height;
  else if (number.unit != CssUnit::kEm)
    none = given && number.milli <= 1000;
  set_flag(delta, bit, none);
  if (!given || (number.unit != CssUnit::kPx && number.unit != CssUnit::kNone)) return;
  if (property == Property::kWidth) delta.width = std::max(0, number.milli / 1000);
  if (property == Property::kHeight) delta.height = std::max(0, number.milli / 1000);
}

void read_least(StyleDelta& delta, uint32_t bit, std::string_view value) {
  const CssNumber number = whole_number(value);
  if (number.length > 0) {
    const bool little =
        number.milli == 0 ||
        (number.milli <= 1000 && (number.unit == CssUnit::kPx || number.unit == CssUnit::kNone));
    if (number.milli >= 0) set_flag(delta, bit, !little);
  } else if (same_folded(value, "auto") || is_css_wide(value)) {
    set_flag(delta, bit, false);
  } else if (is_computed(value) || is_intrinsic_size(value)) {
    set_flag(delta, bit, true);
  }
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
    return starts_caseless(value, "inset")
               ? first.unit == CssUnit::kPercent && first.milli >= 50'000
               : starts_caseless(value, "circle") && first.milli == 0;
  }
  if (starts_caseless(value, "scale")) return first.milli == 0;
  return starts_caseless(value, "translate") &&
         std::abs(to_px_milli(first, 16'000, 600'000)) >= kFarMilli;
}

// Whether a value of clip, clip-path or transform is one.
bool is_shape(Property property, std::string_view value) {
  if (one_of(value, {"none", "auto"}) || is_computed(value)) return true;
  switch (property) {
    case Property::kClip:
      return starts_caseless(value, "rect(");
    case Property::kClipPath:
      return starts_with_one_of(
          value, {"inset(", "circle(", "ellipse(", "polygon(", "path(", "rect(", "xywh(", "shape(",
                  "url(", "border-box", "padding-box", "content-box", "margin-box"});
    default:
      return starts_with_one_of(value,
                                {"matrix", "translate", "scale", "rotate", "skew", "perspective("});
  }
}

void read_overflow(StyleDelta& delta, std::string_view value) {
  if (is_computed(value)) return set_flag(delta, kStyleClips, false);
  const std::string_view first = next_word(value);
  std::string_view second = next_word(value);
  if (second.empty()) second = first;
  for (const std::string_view word : {first, second}) {
    if (!one_of(word, {"visible", "hidden", "clip", "scroll", "auto", "overlay"})) return;
  }
  if (trim_css(value).empty()) set_flag(delta, kStyleClips, one_of(first, {"hidden", "clip"}));
}

// Sets the flag as the value says if it is `on` or `off` or valid for every property.
void read_word(StyleDelta& delta, uint32_t bit, std::string_view value,
               std::initializer_list<std::string_view> on,
               std::initializer_list<std::string_view> off) {
  const bool is_on = one_of(value, on);
  if (is_on || one_of(value, off) || is_computed(value)) set_flag(delta, bit, is_on);
}

// Adds a declaration whose value is valid, passes over others: CSS ignores them, so that what went
// before them stays.
void read_declaration(StyleDelta& delta, Property property, std::string_view value) {
  switch (property) {
    case Property::kDisplay:
      if (!is_display(value)) return;
      set_flag(delta, kStyleNone, same_folded(value, "none"));
      delta.box = box_of(value);
      return;
    case Property::kVisibility:
      return read_word(delta, kStyleInvisible, value, {"hidden", "collapse"}, {"visible"});
    case Property::kOpacity:
      return read_opacity(delta, value);
    case Property::kFontSize:
      return read_font_size(delta, value);
    case Property::kFont:
      return read_font(delta, value);
    case Property::kColor:
      return read_color(delta, value);
    case Property::kTextFill: {
      const Color color = css_color(value);
      if (color.known) delta.fill = color, delta.set |= kStyleFill;
      return;
    }
    case Property::kBackground:
      return read_background(delta, value);
    case Property::kBackgroundColor: {
      const Color color = is_css_wide(value) ? Color{true, 0, 0} : css_color(value);
      if (color.known) delta.background = color, delta.set |= kStyleBackground;
      return;
    }
    case Property::kBackgroundImage:
      if (value.find('(') != std::string_view::npos || one_of(value, {"inherit"})) {
        return set_flag(delta, kStyleGround, true);
      }
      return read_word(delta, kStyleGround, value, {}, {"none"});
    case Property::kBackgroundClip:
    case Property::kWebkitBackgroundClip:
      return set_flag(delta, kStyleGroundInText, contains(value, "text"));
    case Property::kTextShadow:
      if (!one_of(value, {"inherit", "unset", "revert", "revert-layer"})) {
        set_flag(delta, kStyleShadow, !one_of(value, {"none", "initial"}));
      }
      return;
    case Property::kTextStroke:
    case Property::kTextStrokeWidth:
      return set_flag(delta, kStyleStroke, !value.starts_with('0') && !is_css_wide(value));
    case Property::kWidth:
      return read_size(delta, property, kStyleNoWidth, value);
    case Property::kHeight:
      return read_size(delta, property, kStyleNoHeight, value);
    case Property::kMaxWidth:
      return read_size(delta, property, kStyleNoMaxWidth, value);
    case Property::kMaxHeight:
      return read_size(delta, property, kStyleNoMaxHeight, value);
    case Property::kMinWidth:
      return read_least(delta, kStyleMinWidth, value);
    case Property::kMinHeight:
      return read_least(delta, kStyleMinHeight, value);
    case Property::kOverflow:
    case Property::kOverflowX:
    case Property::kOverflowY:
      return read_overflow(delta, value);
    case Property::kPosition:
      return read_word(delta, kStyleOutOfFlow, value, {"absolute", "fixed"},
                       {"static", "relative", "sticky", "-webkit-sticky"});
    case Property::kFloat:
      return read_word(delta, kStyleFloat, value, {"left", "right", "inline-start", "inline-end"},
                       {"none"});
    case Property::kLeft:
      return set_far(delta, kStyleFarLeft, value);
    case Property::kTop:
      return set_far(delta, kStyleFarTop, value);
    case Property::kRight:
      return set_far(delta, kStyleFarRight, value);
    case Property::kBottom:
      return set_far(delta, kStyleFarBottom, value);
    case Property::kTextIndent:
      return set_far(delta, kStyleFarIndent, value);
    case Property::kMarginLeft:
      return set_far(delta, kStyleFarMarginLeft, value);
    case Property::kMarginTop:
      return set_far(delta, kStyleFarMarginTop, value);
    case Property::kMargin:
      return set_flag(delta, kStyleFarMarginLeft | kStyleFarMarginTop, false);
    case Property::kInset:
      return set_flag(delta, kStyleFarLeft | kStyleFarTop | kStyleFarRight | kStyleFarBottom,
                      false);
    case Property::kAll:
      if (is_css_wide(value)) delta.doubt = kStyleAll;
      return;
    case Property::kWhiteSpace:
      return read_word(delta, kStylePre, value, {"pre", "pre-wrap", "pre-line", "break-spaces"},
                       {"normal", "nowrap"});
    case Property::kClip:
      if (is_shape(property, value)) set_flag(delta, kStyleClip, leaves_nothing(property, value));
      return;
    case Property::kClipPath:
      if (is_shape(property, value)) {
        set_flag(delta, kStyleClipPath, leaves_nothing(property, value));
      }
      return;
    case Property::kTransform:
      if (is_shape(property, value)) {
        set_flag(delta, kStyleTransform, leaves_nothing(property, value));
      }
      return;
    case Property::kCount:
      return;
  }
}

// What of `delta` can show text, whatever other rules say.
uint32_t shown_by(const StyleDelta& delta) {
  constexpr uint32_t kHides = kStyleNone | kStyleInvisible | kStyleClips | kStyleNoWidth |
                              kStyleNoHeight | kStyleNoMaxWidth | kStyleNoMaxHeight | kStyleFloat |
                              kStyleFarLeft | kStyleFarTop | kStyleFarRight | kStyleFarBottom |
                              kStyleFarIndent | kStyleFarMarginLeft | kStyleFarMarginTop |
                              kStyleClip | kStyleClipPath | kStyleTransform;
  uint32_t shown = delta.set & ~(kHides & delta.value);
  const bool tiny = delta.font.unit != CssUnit::kEm && delta.font.unit != CssUnit::kPercent &&
                    to_px_milli(delta.font, 0, 0) < kFontSeenPx16 * 1000 / 16;
  if (tiny) shown &= ~uint32_t{kStyleFont};
  if (delta.opacity < kOpacitySeen) shown &= ~uint32_t{kStyleOpacity};
  return shown;
}

}  // namespace

void StyleDelta::take(const StyleDelta& other, uint32_t bits) {
  bits &= other.set;
  set |= bits;
  value = (value & ~bits) | (other.value & bits);
  if (bits & kStyleNone) box = other.box;
  if (bits & kStyleColor) color = other.color;
  if (bits & kStyleFill) fill = other.fill;
  if (bits & kStyleBackground) background = other.background;
  if (bits & kStyleFont) font = other.font;
  if (bits & kStyleOpacity) opacity = other.opacity;
  if (other.width >= 0) width = other.width;
  if (other.height >= 0) height = other.height;
}

void StyleDelta::put(const StyleDelta& over) {
  take(over, ~(important & ~over.important));
  doubt = (doubt & ~over.set) | over.doubt;
  important_doubt = (important_doubt & ~over.important) | over.important_doubt;
  important |= over.important;
}

void StyleDelta::put_doubt(const StyleDelta& over) {
  const uint32_t shown = shown_by(over) | over.doubt;
  doubt |= shown;
  important_doubt |= (shown & over.important) | over.important_doubt;
}

void read_declarations(std::string_view text, std::vector<char>& scratch, StyleDelta& delta) {
  text = clean_css(text, true, scratch);
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    while (at < end && (is_css_blank(*at) || *at == ';')) ++at;
    const char* const name = at;
    const char* const stop = at = find_css(at, end, ";{");
    if (at < end && *at == '{') {
      // A block of its own: browsers do not agree on where a declaration begins behind it.
      at = find_css(at + 1, end, "}");
      if (at < end) ++at;
      while (at < end && is_css_blank(*at)) ++at;
      if (at < end && *at != ';') delta.doubt = kStyleAll;
      at = find_css(at, end, ";");
      continue;
    }
    const char* const colon = find_byte(name, stop, ':');
    if (colon == stop) continue;
    const std::string_view name_text = trim_css({name, static_cast<size_t>(colon - name)});
    const int id = kPropertyTable.find(kProperties, name_text, end);
    if (id < 0) continue;
    const auto property = static_cast<Property>(id);
    std::string_view value = trim_css({colon + 1, static_cast<size_t>(stop - colon - 1)});
    const uint32_t had = delta.set;
    const size_t mark = value.rfind('!');
    const bool important = mark != std::string_view::npos &&
                           same_folded(trim_css(value.substr(mark + 1)), "important");
    if (important) value = trim_css(value.substr(0, mark));
    delta.set = 0;
    if (important || delta.important == 0) {
      read_declaration(delta, property, value);
    } else {
      StyleDelta plain;
      read_declaration(plain, property, value);
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

}  // namespace winnow
