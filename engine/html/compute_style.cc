// What an element's declarations come to, given what its parent's came to and what box it makes.
#include <algorithm>

#include "engine/html/style.h"

namespace winnow {

namespace {

// The colour `over` on `under`.
uint32_t blend(uint32_t under, const Color& over) {
  if (over.alpha == 0) return under;
  if (over.alpha == 255) return over.rgb;
  if ((under | over.rgb) & kUnknownColor) return kUnknownColor;
  uint32_t out = 0;
  for (int shift = 16; shift >= 0; shift -= 8) {
    const uint32_t sum =
        (over.rgb >> shift & 255) * over.alpha + (under >> shift & 255) * (255u - over.alpha);
    out = out << 8 | sum / 255;
  }
  return out;
}

// Whether the element's box leaves nothing of the text in it, or stands where none sees it.
bool is_away(const StyleDelta& delta, uint32_t on, StyleBox box, bool block) {
  const uint32_t least = (delta.set & delta.value) | delta.doubted();
  const bool narrow = (on & (kStyleNoWidth | kStyleNoMaxWidth)) && !(least & kStyleMinWidth);
  const bool flat = (on & (kStyleNoHeight | kStyleNoMaxHeight)) && !(least & kStyleMinHeight);
  if (block && (on & kStyleClips) && (narrow || flat)) return true;
  if ((block || box == StyleBox::kTable) && (on & (kStyleFarMarginLeft | kStyleFarMarginTop))) {
    return true;
  }
  return (on & kStyleOutOfFlow) &&
         (on & (kStyleFarLeft | kStyleFarTop | kStyleFarRight | kStyleFarBottom | kStyleClip));
}

void compute_colors(const ComputedStyle& parent, const StyleDelta& delta, uint32_t doubt,
                    ComputedStyle& style) {
  const bool filled = delta.set & kStyleFill;
  const Color& color = filled ? delta.fill : delta.color;
  if (filled) style.flags |= kComputedFilled;
  if (color.known && (filled || ((delta.set & kStyleColor) && !(style.flags & kComputedFilled)))) {
    style.color = color.rgb;
    style.flags = static_cast<uint16_t>(color.alpha < 26 ? style.flags | kComputedClear
                                                         : style.flags & ~kComputedClear);
  }
  if (doubt & (kStyleColor | kStyleFill)) {
    style.color = kUnknownColor;
    style.flags &= static_cast<uint16_t>(~kComputedClear);
  }
  if (delta.set & kStyleBackground) style.background = blend(parent.background, delta.background);
  if (((delta.set & delta.value) | doubt) & kStyleGround || doubt & kStyleBackground) {
    style.background = kUnknownColor;
  }
  constexpr uint32_t kPaints = kStyleShadow | kStyleStroke | kStyleGroundInText;
  if (((delta.set & delta.value) | doubt) & kPaints)
    style.flags |= kComputedPainted;
  else if (delta.set & kPaints & ~kStyleGroundInText)
    style.flags &= static_cast<uint16_t>(~kComputedPainted);
}

}  // namespace

ComputedStyle compute_style(const ComputedStyle& parent, const StyleDelta& delta,
                            StyleBox natural) {
  const uint32_t doubt = delta.doubted();
  if ((delta.set | doubt) == 0) return inherit_style(parent);
  ComputedStyle style = parent;
  const uint32_t on = delta.set & delta.value & ~doubt;
  const auto answer = [&](uint32_t bit, uint16_t flag) {
    if (!((delta.set | doubt) & bit)) return;
    style.flags = static_cast<uint16_t>(on & bit ? style.flags | flag : style.flags & ~flag);
  };
  // CSS 2.2, 9.7: what is out of the flow, floats or is an item of a flex box is a block.
  const bool blockified = (on & (kStyleOutOfFlow | kStyleFloat)) || (parent.flags & kComputedFlex);
  StyleBox box = delta.set & kStyleNone ? delta.box : natural;
  if (box == StyleBox::kInline && blockified) box = StyleBox::kBlock;
  if (doubt & kStyleNone) box = StyleBox::kInline;
  const bool block = box == StyleBox::kBlock || box == StyleBox::kFlex;
  style.flags = static_cast<uint16_t>(box == StyleBox::kFlex ? style.flags | kComputedFlex
                                                             : style.flags & ~kComputedFlex);
  if (((delta.set & delta.value) | doubt) & kStyleOutOfFlow) {
    style.flags &= static_cast<uint16_t>(~kComputedAway);
  }
  if (is_away(delta, on, box, block)) style.flags |= kComputedAway;
  if (on & (kStyleNone | kStyleClipPath)) style.flags |= kComputedGone;
  if ((on & kStyleTransform) && box != StyleBox::kInline) style.flags |= kComputedGone;
  if (box != StyleBox::kInline || (doubt & kStyleFarIndent)) {
    answer(kStyleFarIndent, kComputedIndent);
  }
  answer(kStyleInvisible, kComputedInvisible);
  answer(kStylePre, kComputedPre);
  if ((delta.set & ~doubt) & kStyleOpacity) {
    style.opacity = static_cast<uint8_t>(style.opacity * delta.opacity / 255);
    if (style.opacity < kOpacitySeen) style.flags |= kComputedGone;
  }
  if (delta.set & kStyleFont) {
    const int64_t parent_milli = parent.font_px16 * 1000 / 16;
    const int64_t px_milli = to_px_milli(delta.font, parent_milli, parent_milli);
    style.font_px16 = static_cast<uint16_t>(std::clamp<int64_t>(px_milli * 16 / 1000, 0, 0xFFFF));
  }
  if (doubt & kStyleFont) style.font_px16 = std::max<uint16_t>(style.font_px16, 16 * 16);
  compute_colors(parent, delta, doubt, style);
  const bool known = !((style.color | style.background) & kUnknownColor);
  const bool transparent =
      !(style.flags & kComputedPainted) &&
      ((style.flags & kComputedClear) || (known && near_colors(style.color, style.background)));
  const bool tiny = style.font_px16 < kFontSeenPx16;
  style.flags &= static_cast<uint16_t>(~(kComputedTransparent | kComputedTiny | kComputedHidden));
  if (transparent) style.flags |= kComputedTransparent;
  if (tiny) style.flags |= kComputedTiny;
  if (style.flags & (kComputedGone | kComputedInvisible | kComputedAway | kComputedIndent |
                     kComputedTransparent | kComputedTiny)) {
    style.flags |= kComputedHidden;
  }
  return style;
}

}  // namespace winnow
