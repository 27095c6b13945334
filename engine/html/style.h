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
  kStyleNone = 1 << 0,         // display: none; else StyleDelta::box says what
  kStyleInvisible = 1 << 1,    // visibility: hidden, collapse
  kStylePre = 1 << 2,          // white-space keeps blanks and line ends
  kStyleClips = 1 << 3,        // overflow: hidden
  kStyleNoWidth = 1 << 4,      // width 0 or 1px
  kStyleNoHeight = 1 << 5,     // height 0 or 1px
  kStyleNoMaxWidth = 1 << 6,   // max-width 0 or 1px
  kStyleNoMaxHeight = 1 << 7,  // max-height 0 or 1px
  kStyleMinWidth = 1 << 8,     // min-width over 1px
  kStyleMinHeight = 1 << 9,    // min-height over 1px
  kStyleOutOfFlow = 1 << 10,   // position: absolute, fixed
  kStyleFloat = 1 << 11,       // float: left, right
  kStyleFarLeft = 1 << 12,     // left, top ... far outside the page
  kStyleFarTop = 1 << 13,
  kStyleFarRight = 1 << 14,
  kStyleFarBottom = 1 << 15,
  kStyleFarIndent = 1 << 16,      // text-indent far outside the page
  kStyleFarMarginLeft = 1 << 17,  // margin-left, margin-top far outside the page
  kStyleFarMarginTop = 1 << 18,
  kStyleClip = 1 << 19,  // clip, clip-path or transform leave nothing
  kStyleClipPath = 1 << 20,
  kStyleTransform = 1 << 21,
  kStyleGround = 1 << 22,  // background is a picture or such: its colour is not known
  kStyleShadow = 1 << 23,  // text-shadow, a stroke of text, background-clip: text: it is
  kStyleStroke = 1 << 24,  //   seen whatever its colour
  kStyleGroundInText = 1 << 25,
  // With a value of their own.
  kStyleColor = 1 << 26,
  kStyleFill = 1 << 27,  // -webkit-text-fill-color, goes before color
  kStyleBackground = 1 << 28,
  kStyleFont = 1 << 29,
  kStyleOpacity = 1 << 30,
};

// What kind of box an element makes: not every property applies to each.
enum class StyleBox : uint8_t {
  kInline,
  kBlock,  // and whatever else a width, a height and an overflow apply to
  kFlex,   // a block whose children are such, too
  kTable,
  kPart,  // of a table: its size is a minimum
  kRoot,  // html, body: what clips them is the window
};

struct StyleDelta {
  uint32_t set = 0;
  uint32_t value = 0;
  uint32_t important = 0;  // of `set`: marked !important
  // Properties that rules not understood here may set so that text is seen; a rule of more weight
  // that sets one ends the doubt.
  uint32_t doubt = 0;
  uint32_t important_doubt = 0;
  StyleBox box = StyleBox::kInline;
  uint8_t opacity = 255;
  Color color;
  Color fill;
  Color background;
  CssNumber font;
  int32_t width = -1;  // CSS pixels; -1 = not given
  int32_t height = -1;

  // Takes from `other` the properties in `bits` that it sets.
  void take(const StyleDelta& other, uint32_t bits);
  // Puts over this what has more weight in the cascade.
  void put(const StyleDelta& over);
  // What may be said of the same element, and with which weight: see `doubt`.
  void put_doubt(const StyleDelta& over);
  // The properties of which nothing is certain.
  uint32_t doubted() const { return (doubt & ~important) | important_doubt; }
};
constexpr uint32_t kStyleAll = ~uint32_t{0};

// Reads declarations ("display:none; color: #fff") and adds those that CSS takes to `delta`: an
// invalid one changes nothing. Comments and escapes are undone in `scratch`. Linear in the text.
void read_declarations(std::string_view text, std::vector<char>& scratch, StyleDelta& delta);

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

// A colour that is not known: text is never taken for one that cannot be told from it.
constexpr uint32_t kUnknownColor = 1 << 24;

struct ComputedStyle {
  uint32_t color = 0;              // text, 0xRRGGBB or kUnknownColor
  uint32_t background = 0xFFFFFF;  // what is behind it, the same
  uint16_t font_px16 = 256;        // font size in sixteenths of a pixel
  uint16_t flags = 0;              // ComputedBit
  uint8_t opacity = 255;           // of all boxes around, multiplied
};

enum ComputedBit : uint16_t {
  kComputedGone = 1,       // not shown, whatever is inside
  kComputedInvisible = 2,  // visibility: hidden; what is inside may be visible again
  kComputedAway = 4,       // clipped or far away; what is inside and out of the flow may be seen
  kComputedIndent = 8,     // text-indent far away; what is inside may have another
  kComputedPre = 16,
  kComputedClear = 32,         // text colour is transparent
  kComputedFilled = 64,        // text colour is that of -webkit-text-fill-color
  kComputedPainted = 128,      // text has a shadow or such
  kComputedFlex = 256,         // children are blocks
  kComputedTransparent = 512,  // text cannot be told from its background
  kComputedTiny = 1024,        // font too small to be seen
  kComputedHidden = 2048,      // any of the reasons: text here is not seen
};

// Text under this size is not seen.
constexpr uint16_t kFontSeenPx16 = 3 * 16;
constexpr uint8_t kOpacitySeen = 13;  // of 255

// That of an element of which nothing is said. Nearly all are such: the flags are written where
// they change, for a copy made of them at once would wait for the write.
inline ComputedStyle inherit_style(const ComputedStyle& parent) {
  ComputedStyle style = parent;
  if (style.flags & kComputedFlex) style.flags &= static_cast<uint16_t>(~kComputedFlex);
  return style;
}

// The style of an element inside one of style `parent`. `natural` is its box where no display is
// set.
ComputedStyle compute_style(const ComputedStyle& parent, const StyleDelta& delta, StyleBox natural);

}  // namespace winnow
