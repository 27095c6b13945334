// Declarations are split at ';' (outside url(...)), names looked up in a table made at compile
// time; most (font-family, padding, text-align ...) are not in it and cost one probe. Only the
// properties below decide what is seen. mso-hide is not among them: newsletters hide from Outlook
// with it what every other reader shows.
#include "engine/html/style.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "engine/ascii.h"
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

void set_background(StyleDelta& delta, const Color& color) {
  delta.background = color;
  delta.set |= kStyleBackground;
  if (color.alpha == 255 && !(delta.value & kStyleGround)) set_flag(delta, kStyleGround, false);
}

void read_color(StyleDelta& delta, std::string_view value) {
  Color color = parse_color(value, false);
  if (same_folded(value, "initial")) color = {true, 255, 0};
  // What is a colour to a browser only is taken as the parent's.
  if (!color.known && !is_computed(value) && !same_folded(value, "currentcolor") &&
      !starts_with_one_of(value, {"hwb(", "lab(", "lch(", "oklab(", "oklch(", "color(",
                                  "color-mix(", "light-dark("})) {
    return;
  }
  delta.color = color;
  delta.set |= kStyleColor;
}

bool names_picture(std::string_view value) {
  return contains(value, "url(") || contains(value, "gradient(") || contains(value, "image-set(");
}

void read_background(StyleDelta& delta, std::string_view value) {
  if (names_picture(value)) set_flag(delta, kStyleGround, true);
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
    if (color.known) return set_background(delta, color);
    at = end;
  }
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

void read_size(StyleDelta& delta, Property property, std::string_view value) {
  const CssNumber number = whole_number(value);
  const bool given = number.length > 0;
  const bool most = property == Property::kMaxWidth || property == Property::kMaxHeight;
  if (given ? number.milli < 0
            : !same_folded(value, most ? "none" : "auto") && !is_computed(value) &&
                  !starts_with_one_of(value, {"min-content", "max-content", "fit-content",
                                              "stretch", "-webkit-", "-moz-"})) {
    return;
  }
  const bool none = given && number.milli <= 1000 && number.unit != CssUnit::kEm &&
                    (number.unit != CssUnit::kPercent || number.milli == 0);
  const bool width = property == Property::kWidth || property == Property::kMaxWidth;
  set_flag(delta, width ? kStyleNoWidth : kStyleNoHeight, none);
  if (!given || (number.unit != CssUnit::kPx && number.unit != CssUnit::kNone)) return;
  if (property == Property::kWidth) delta.width = std::max(0, number.milli / 1000);
  if (property == Property::kHeight) delta.height = std::max(0, number.milli / 1000);
}

bool far_away(std::string_view value) {
  return to_px_milli(whole_number(value), 16'000, 600'000) <= -kFarMilli;
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
      if (is_display(value)) set_flag(delta, kStyleNone, same_folded(value, "none"));
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
      const Color color = parse_color(value, false);
      if (color.known) delta.color = color, delta.set |= kStyleColor;
      return;
    }
    case Property::kBackground:
      return read_background(delta, value);
    case Property::kBackgroundColor: {
      const Color color = is_css_wide(value) ? Color{true, 0, 0} : parse_color(value, false);
      if (color.known) set_background(delta, color);
      return;
    }
    case Property::kBackgroundImage:
      if (names_picture(value)) return set_flag(delta, kStyleGround, true);
      return read_word(delta, kStyleGround, value, {}, {"none"});
    case Property::kWidth:
    case Property::kHeight:
    case Property::kMaxWidth:
    case Property::kMaxHeight:
      return read_size(delta, property, value);
    case Property::kOverflow:
    case Property::kOverflowX:
    case Property::kOverflowY:
      return read_overflow(delta, value);
    case Property::kPosition:
      return read_word(delta, kStyleOutOfFlow, value, {"absolute", "fixed"},
                       {"static", "relative", "sticky", "-webkit-sticky"});
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
      return read_word(delta, kStylePre, value, {"pre", "pre-wrap", "pre-line", "break-spaces"},
                       {"normal", "nowrap"});
    case Property::kClip:
    case Property::kClipPath:
    case Property::kTransform:
      if (is_shape(property, value)) {
        set_flag(delta, kStyleClipped, leaves_nothing(property, value));
      }
      return;
  }
}

bool opens_comment(const char* at, const char* end) {
  return end - at > 1 && at[0] == '/' && at[1] == '*';
}

// Behind the string or bare url(...) at `at`, in which no comment opens (CSS Syntax 3, 4.3.5 and
// 4.3.6); `at` itself if neither starts there. A line end ends a string that is not closed.
const char* past_string(const char* at, const char* end) {
  if (*at == '"' || *at == '\'') {
    const char quote = *at++;
    while (at < end && *at != quote && *at != '\n') at += *at == '\\' && end - at > 1 ? 2 : 1;
    return at < end ? at + 1 : end;
  }
  if (!starts_caseless({at, static_cast<size_t>(end - at)}, "url(")) return at;
  const char* inner = at + 4;
  while (inner < end && is_css_blank(*inner)) ++inner;
  if (inner < end && (*inner == '"' || *inner == '\'')) return inner;
  const char* const close = find_byte(inner, end, ')');
  return close == end ? end : close + 1;
}

// What the backslash escape at `at` stands for (CSS Syntax 3, 4.3.7); moves `at` behind it. An
// escaped byte belongs to a name, whatever it is: '?' is what no name here has.
char read_escape(const char*& at, const char* end) {
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
  if (digits == 0)
    value = static_cast<uint8_t>(*at++);
  else if (at < end && is_css_blank(*at))
    ++at;
  const char c = static_cast<char>(value);
  return value < 0x80 && is_css_name_char(c) ? c : '?';
}

// Whether a comment, a string, a url(...) or an escape may start with the byte.
bool starts_special(char c) {
  return c == '/' || c == '"' || c == '\'' || c == '\\' || c == 'u' || c == 'U';
}

// `text` with a blank for each comment and, with `escapes`, what its escapes stand for.
std::string_view clean_css(std::string_view text, bool escapes, std::vector<char>& scratch) {
  scratch.clear();
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    if (opens_comment(at, end)) {
      const std::string_view rest(at, static_cast<size_t>(end - at));
      const size_t close = rest.find("*/", 2);
      scratch.push_back(' ');
      if (close == std::string_view::npos) break;
      at += close + 2;
    } else if (const char* const past = past_string(at, end); past != at) {
      scratch.insert(scratch.end(), at, past);
      at = past;
    } else if (*at != '\\' || end - at < 2) {
      const char* const from = at++;
      while (at < end && !starts_special(*at)) ++at;
      scratch.insert(scratch.end(), from, at);
    } else if (escapes) {
      scratch.push_back(read_escape(at, end));
    } else {
      scratch.insert(scratch.end(), at, at + 2);
      at += 2;
    }
  }
  return {scratch.data(), scratch.size()};
}

// Whether `text` holds "/*" or, with `escapes`, a backslash.
bool needs_cleaning(std::string_view text, bool escapes) {
  const char* const end = text.data() + text.size();
  for (const char* at = text.data(); (at = find_either(at, end, '/', escapes ? '\\' : '/')) != end;
       ++at) {
    if (*at == '\\' || opens_comment(at, end)) return true;
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

std::string_view without_comments(std::string_view css, std::vector<char>& scratch) {
  return needs_cleaning(css, false) ? clean_css(css, false, scratch) : css;
}

void read_declarations(std::string_view text, std::vector<char>& scratch, StyleDelta& delta) {
  if (needs_cleaning(text, true)) text = clean_css(text, true, scratch);
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
                           same_folded(trim_css(value_text.substr(mark + 1)), "important");
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
  if ((delta.set & kStyleColor) && delta.color.known) {
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
