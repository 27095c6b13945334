// What CSS says about being seen. Declarations become a StyleDelta (only the properties that can
// hide text or give its colours), deltas are merged in the order of the cascade, and applied to
// what the parent computed they give the element's ComputedStyle.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/html/color.h"
#include "engine/html/css_value.h"

namespace winnow {

enum StyleBit : uint32_t {
  // Yes or no: a bit of StyleDelta::set, its answer the same bit of StyleDelta::value.
  kStyleNone = 1 << 0,       // display: none
  kStyleInvisible = 1 << 1,  // visibility: hidden, collapse
  kStylePre = 1 << 2,        // white-space keeps blanks and line ends
  kStyleClips = 1 << 3,      // overflow: hidden
  kStyleNoWidth = 1 << 4,    // width or max-width 0 or 1px
  kStyleNoHeight = 1 << 5,   // height or max-height 0 or 1px
  kStyleOutOfFlow = 1 << 6,  // position: absolute, fixed
  kStyleFar = 1 << 7,        // left, top ... far outside the page
  kStyleFarIndent = 1 << 8,  // text-indent or margin far outside the page
  kStyleClipped = 1 << 9,    // clip, clip-path or transform leave nothing
  kStyleGround = 1 << 10,    // background is a picture: its colour is not known
  // With a value of their own.
  kStyleColor = 1 << 11,
  kStyleBackground = 1 << 12,
  kStyleFont = 1 << 13,
  kStyleOpacity = 1 << 14,
};

struct StyleDelta {
  uint32_t set = 0;
  uint32_t value = 0;
  uint32_t important = 0;  // of `set`: marked !important
  Color color;             // set but not known: as the parent's
  Color background;
  CssNumber font;
  uint8_t opacity = 255;
  int32_t width = -1;  // CSS pixels; -1 = not given
  int32_t height = -1;

  // Takes from `other` the properties in `bits` that it sets.
  void take(const StyleDelta& other, uint32_t bits);
};

// Reads declarations ("display:none; color: #fff") and adds those that CSS takes to `delta`: an
// invalid one changes nothing. Comments and escapes are undone in `scratch`. Linear in the text.
void read_declarations(std::string_view text, std::vector<char>& scratch, StyleDelta& delta);

// `css` with a blank for each comment, made in `scratch` if there is one: a comment separates what
// stands around it (CSS Syntax 3, 4.3.2).
std::string_view without_comments(std::string_view css, std::vector<char>& scratch);

// Inline styles of one text that were read before: mail repeats the same few in every cell.
class StyleCache {
 public:
  void clear() {
    for (Slot& slot : slots_) slot.text = {};
  }
  // The declarations of `text`. REQUIRED: `text` lives until clear().
  const StyleDelta& read(std::string_view text, std::vector<char>& scratch);

 private:
  struct Slot {
    std::string_view text;
    StyleDelta delta;
  };
  Slot slots_[32];
};

struct ComputedStyle {
  uint32_t color = 0;              // text, 0xRRGGBB
  uint32_t background = 0xFFFFFF;  // what is behind it
  uint16_t font_px16 = 256;        // font size in sixteenths of a pixel
  uint8_t opacity = 255;           // of all boxes around, multiplied
  uint8_t flags = 0;               // ComputedBit
};

enum ComputedBit : uint8_t {
  kComputedGone = 1,       // not shown, whatever is inside
  kComputedInvisible = 2,  // visibility: hidden; what is inside may be visible again
  kComputedPre = 4,
  kComputedGround = 8,        // background not known
  kComputedClear = 16,        // text colour is transparent
  kComputedTransparent = 32,  // text cannot be told from its background
  kComputedTiny = 64,         // font too small to be seen
  kComputedHidden = 128,      // any of the reasons: text here is not seen
};

// Text under this size is not seen.
constexpr uint16_t kFontSeenPx16 = 3 * 16;

// The style of an element inside one of style `parent`.
ComputedStyle compute_style(const ComputedStyle& parent, const StyleDelta& delta);

}  // namespace winnow
