// Which elements are open. Not a tree builder but one model of its stack (HTML, 13.2.6): what a
// start tag closes before it opens, what it is ignored in, scopes, foster parents (what stands in a
// table but in no cell is shown before the table), SVG and MathML and what leaves them, and a list
// of a few formatting elements that are opened again. Where browsers would go beyond this, text is
// rather taken out of what hides it than left in it.
#include <algorithm>

#include "engine/html/css_selector.h"
#include "engine/html/packed_name.h"
#include "engine/html/parser.h"

namespace winnow {

namespace {

constexpr uint16_t kDepthMax = 0xFFF0;
constexpr uint32_t kLinksResumedMax = 64;  // of one text

size_t at(HtmlTag tag) { return static_cast<size_t>(tag); }

struct TagSet {
  uint64_t bits[3] = {};
  constexpr TagSet(std::initializer_list<HtmlTag> tags) {
    for (const HtmlTag tag : tags) set_tag(bits, tag);
  }
  constexpr bool has(HtmlTag tag) const { return has_tag(bits, tag); }
};

using enum HtmlTag;
constexpr TagSet kHeadings = {kH1, kH2, kH3, kH4, kH5, kH6};
constexpr TagSet kFormatting = {kA,    kB, kBig,   kCode,   kEm,     kFont, kI,
                                kNobr, kS, kSmall, kStrike, kStrong, kTt,   kU};
constexpr TagSet kHeadContent = {kHead,  kHtml,     kBase,     kBasefont, kBgsound, kLink,    kMeta,
                                 kTitle, kNoframes, kNoscript, kScript,   kStyle,   kTemplate};
// Where text and other elements are foster-parented.
constexpr TagSet kTableContext = {kTable, kTbody, kThead, kTfoot, kTr};
// Elements that end where an annotation of ruby begins.
constexpr TagSet kImpliedEnd = {kDd, kDt, kLi, kOptgroup, kOption, kP, kRb, kRp, kRt, kRtc};
// Start tags that leave SVG and MathML (13.2.6.5).
constexpr TagSet kBreakout = {
    kB,     kBig,   kBlockquote, kBody,   kBr,   kCenter, kCode,  kDd, kDiv,  kDl,   kDt,
    kEm,    kEmbed, kH1,         kH2,     kH3,   kH4,     kH5,    kH6, kHead, kHr,   kI,
    kImg,   kLi,    kListing,    kMenu,   kMeta, kNobr,   kOl,    kP,  kPre,  kRuby, kS,
    kSmall, kSpan,  kStrong,     kStrike, kSub,  kSup,    kTable, kTt, kU,    kUl,   kVar};

bool is_svg_leaf(HtmlTag tag) {
  return tag == kUnknown || tag == kPath || tag == kUse || tag == kCircle || tag == kG ||
         tag == kSvg || tag == kMath;
}

bool same_name(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view lower) { return same_folded(name, lower); });
}

constexpr uint32_t kStyledVoid =
    HtmlAttributes::bit(HtmlAttribute::kStyle) | HtmlAttributes::bit(HtmlAttribute::kHidden);

}  // namespace

bool HtmlParser::open_element(HtmlTag tag, std::string_view name,
                              const HtmlAttributes& attributes) {
  if (tag == kImage) tag = kImg;
  if (tag == kScript) flag(HtmlFlag::kScript);
  if (conditional_) {
    add_targets(tag, attributes, true);
    return true;
  }
  if (top().foreign) {
    leave_foreign(tag, attributes);
    if (top().foreign) {
      open_foreign(tag, name, attributes);
      return false;
    }
  }
  const uint8_t traits = tag_traits(tag);
  if (!make_place(tag)) {
    // Its attributes may be merged into what is open already, its colours anyway.
    const ComputedStyle style = style_of(tag, attributes, nullptr);
    if (style.color != top().style.color || style.background != top().style.background) {
      doubt_top(kStyleColor | kStyleGround);
    }
    add_targets(tag, attributes, hidden_);
    return false;
  }
  if (tag == kBr) {
    // Only the first line of a block is indented.
    if (content_style().flags & kComputedIndent) doubt_top(kStyleFarIndent);
    sink().break_line();
    return true;
  }
  if (traits & kTagBlock) break_line();
  if (tag == kTd || tag == kTh) own_sink().blank();
  if (formats_closed_ > 0 && !(traits & (kTagBlock | kTagRaw | kTagRcdata)) &&
      !is_table_part(tag) && !in_table()) {
    reopen_formats();
  }
  if ((traits & kTagVoid) || (attributes.self_closing && is_svg_leaf(tag))) {
    bool unseen = hidden_;
    if (!unseen && (attributes.seen & kStyledVoid)) {
      unseen = style_of(tag, attributes, nullptr).flags & (kComputedGone | kComputedInvisible);
    }
    add_targets(tag, attributes, unseen);
    return true;
  }
  if (!kFormatting.has(tag)) {
    const bool pushed = push(tag, style_of(tag, attributes, nullptr));
    add_targets(tag, attributes, hidden_);
    if (pushed && (tag == kSvg || tag == kMath)) {
      top().foreign = true;
      doubt_top(kStyleColor);  // text of SVG is filled, not coloured
    }
    return true;
  }
  StyleDelta delta;
  const bool pushed = push(tag, style_of(tag, attributes, &delta));
  add_targets(tag, attributes, hidden_);
  if (pushed) list_format(tag, delta);
  return true;
}

// A start tag among SVG or MathML. It may have content that is HTML again.
void HtmlParser::open_foreign(HtmlTag tag, std::string_view name,
                              const HtmlAttributes& attributes) {
  const ComputedStyle style = style_of(tag, attributes, nullptr);
  if (attributes.self_closing) {
    return add_targets(tag, attributes,
                       hidden_ || (style.flags & (kComputedGone | kComputedInvisible)));
  }
  const bool math = open_[at(kMath)] > open_[at(kSvg)];
  const bool html = math ? same_name(name, {"mi", "mo", "mn", "ms", "mtext"})
                         : same_name(name, {"foreignobject", "desc", "title"});
  if (push(tag, style, true)) {
    top().foreign = !html;
    top().mute = tag == kStyle || tag == kScript || tag == kTitle;
  }
  add_targets(tag, attributes, hidden_);
}

void HtmlParser::leave_foreign(HtmlTag tag, const HtmlAttributes& attributes) {
  constexpr uint64_t kFontNames = attribute_bit(pack_name("color")) |
                                  attribute_bit(pack_name("face")) |
                                  attribute_bit(pack_name("size"));
  if (!kBreakout.has(tag) && !(tag == kFont && (attributes.names & kFontNames))) return;
  size_t depth = room_.stack.size();
  while (depth > 1 && room_.stack[depth - 1].foreign) --depth;
  pop_to(depth);
}

// Whether text stands in a table but in none of its cells.
bool HtmlParser::in_table() const { return kTableContext.has(room_.stack.back().tag); }

const ComputedStyle& HtmlParser::content_style() const {
  const std::vector<HtmlElement>& stack = room_.stack;
  const uint32_t table = open_[at(kTable)];
  return in_table() && table > 1 ? stack[table - 2].style : stack.back().style;
}

void HtmlParser::see_content() { hidden_ = content_style().flags & kComputedHidden; }

void HtmlParser::doubt_top(uint32_t style_bits) {
  StyleDelta doubt;
  doubt.doubt = style_bits;
  top().style = compute_style(top().style, doubt, StyleBox::kInline);
  see_content();
}

bool HtmlParser::push(HtmlTag tag, const ComputedStyle& style, bool foreign) {
  std::vector<HtmlElement>& stack = room_.stack;
  if (stack.size() > std::min<size_t>(limits_.html_depth_max, kDepthMax)) {
    limit(HtmlFlag::kTooDeep);
    ++too_deep_;
    return false;
  }
  // Some browsers know nothing but options in a <select>.
  const bool doubtful = open_[at(kSelect)] > barrier_ && tag != kOption && tag != kOptgroup;
  const bool shown = doubtful && !hidden_ && (style.flags & kComputedHidden);
  const ComputedStyle own = shown ? content_style() : style;
  constexpr uint16_t kHides = kComputedGone | kComputedInvisible | kComputedAway | kComputedIndent |
                              kComputedClear | kComputedTransparent | kComputedTiny;
  const bool hides = own.flags & ~content_style().flags & kHides;
  HtmlElement& element = stack.emplace_back();  // written in place: a copy would wait for its parts
  element.tag = tag;
  element.same_before = open_[at(tag)];
  element.barrier_before = barrier_;
  element.hider_before = hider_;
  element.style = own;
  const auto position = static_cast<uint16_t>(stack.size());
  open_[at(tag)] = position;
  if (hides) hider_ = position;
  if ((tag_traits(tag) & kTagBarrier) && !foreign) barrier_ = position;
  html_.depth_max = std::max(html_.depth_max, position - 1u);
  const bool was_hidden = hidden_;
  see_content();
  if (hidden_ && !was_hidden) sink().blank();
  return true;
}

void HtmlParser::pop_to(size_t depth) {
  std::vector<HtmlElement>& stack = room_.stack;
  while (stack.size() > depth && stack.size() > 1) {
    const HtmlElement& element = stack.back();
    open_[at(element.tag)] = element.same_before;
    barrier_ = element.barrier_before;
    hider_ = element.hider_before;
    if (element.listed) {
      for (uint32_t i = formats_count_; i-- > 0;) {
        if (formats_[i].open == stack.size()) formats_[i].open = 0, ++formats_closed_;
      }
    }
    // What stood open inside the element that ends here was not closed.
    if (stack.size() > depth + 1 && !(tag_traits(element.tag) & kTagOptionalEnd)) {
      flag(HtmlFlag::kUnbalanced);
    }
    stack.pop_back();
  }
  // The list goes back to the barrier that is left.
  while (formats_count_ > 0 && formats_[formats_count_ - 1].barrier > barrier_) {
    unlist_format(formats_count_ - 1);
  }
  see_content();
  if (link_ != kNoIndex && stack.size() < link_depth_) end_link();
}

// The elements that may stand in <head> do; any other, and text, ends it.
void HtmlParser::leave_head() {
  const uint32_t head = open_[at(kHead)];
  if (open_[at(kTemplate)] > head) return;
  while (at_ < end_ && is_css_blank(*at_)) ++at_;
  if (at_ < end_ && *at_ != '<') pop_to(head - 1u);
}

// Takes the open element of the tag, which may not hold another, out of what hides text. Where an
// element in it hides, too, that stays: it would be moved out of this one.
void HtmlParser::shed(HtmlTag tag) {
  const uint32_t position = open_[at(tag)];
  if (position > barrier_ && position == hider_) pop_to(position - 1);
}

// Closes what the start tag ends without saying so. False if the tag itself is ignored.
bool HtmlParser::make_place(HtmlTag tag) {
  const auto close = [&](HtmlTag open, uint32_t boundary) {
    if (open_[at(open)] > boundary) pop_to(open_[at(open)] - 1u);
  };
  if (open_[at(kHead)] > open_[at(kTemplate)] && !kHeadContent.has(tag)) close(kHead, 0);
  switch (tag) {
    case kHtml:
    case kHead:
    case kBody:
      return open_[at(tag)] == 0;
    case kFrameset:
      return false;
    case kLi:
      close(kLi, std::max({open_[at(kUl)], open_[at(kOl)], open_[at(kMenu)], barrier_}));
      break;
    case kDt:
    case kDd: {
      const uint32_t list = std::max(open_[at(kDl)], barrier_);
      close(kDt, list);
      close(kDd, list);
      break;
    }
    case kCaption:
    case kCol:
    case kColgroup:
    case kTbody:
    case kThead:
    case kTfoot:
    case kTr:
    case kTd:
    case kTh:
      return make_place_in_table(tag);
    case kTable: {
      const uint32_t cell =
          std::max({open_[at(kTd)], open_[at(kTh)], open_[at(kCaption)], open_[at(kTemplate)]});
      if (open_[at(kTable)] > cell) close(kTable, 0);
      break;
    }
    case kForm:
      if (open_[at(kForm)] > open_[at(kTemplate)] || in_table()) return false;
      break;
    case kSelect:
    case kInput:
    case kKeygen:
    case kTextarea:
      if (open_[at(kSelect)] > barrier_) {
        close(kSelect, barrier_);
        if (tag == kSelect) return false;
      }
      break;
    case kIframe:
    case kNoembed:
    case kXmp:
      if (open_[at(kSelect)] > barrier_) return false;
      break;
    case kButton:
      close(kButton, barrier_);
      break;
    case kA:
      end_link();
      unlist_tag(kA, 0);
      shed(kA);
      return true;
    case kNobr:
      unlist_tag(kNobr, 0);
      shed(kNobr);
      return true;
    case kOptgroup:
    case kOption:
      if (open_[at(kSelect)] > barrier_)
        close(kOption, barrier_);
      else if (top().tag == kOption)
        pop_to(room_.stack.size() - 1);
      if (tag == kOptgroup) close(kOptgroup, barrier_);
      return true;
    case kRb:
    case kRp:
    case kRt:
    case kRtc:
      while (open_[at(kRuby)] > barrier_ && kImpliedEnd.has(top().tag)) {
        pop_to(room_.stack.size() - 1);
      }
      return true;
    default:
      break;
  }
  if (tag_traits(tag) & kTagBlock) close(kP, barrier_);
  if (kHeadings.has(tag) && kHeadings.has(top().tag)) pop_to(room_.stack.size() - 1);
  return true;
}

// A part of a table stands in the table, in its body or in its row; without a table it is ignored.
bool HtmlParser::make_place_in_table(HtmlTag tag) {
  const uint32_t table = open_[at(kTable)];
  if (table == 0 || open_[at(kTemplate)] > table) return false;
  uint32_t context = table;
  const bool cell = tag == kTd || tag == kTh;
  if (cell || tag == kTr) {
    for (const HtmlTag body : {kTbody, kThead, kTfoot}) {
      context = std::max<uint32_t>(context, open_[at(body)]);
    }
  }
  if (cell) context = std::max<uint32_t>(context, open_[at(kTr)]);
  pop_to(context);
  return tag != kColgroup;
}

// The stack position of the element that a closing tag closes; 0 if there is none.
uint32_t HtmlParser::position_to_close(HtmlTag tag) const {
  uint32_t position = open_[at(tag)];
  if (kHeadings.has(tag)) {
    for (const HtmlTag heading : {kH1, kH2, kH3, kH4, kH5, kH6}) {
      position = std::max<uint32_t>(position, open_[at(heading)]);
    }
  }
  const bool barrier = tag_traits(tag) & kTagBarrier;
  const uint32_t boundary = is_table_part(tag) ? open_[at(kTable)] : barrier ? 0 : barrier_;
  return position > boundary ? position : 0;
}

void HtmlParser::close_element(HtmlTag tag) {
  if (tag == kBr) {
    open_element(tag, {}, HtmlAttributes());
    return;
  }
  if (tag == kA) end_link();
  if (tag == kForm) form_ = kNoIndex;
  const uint8_t traits = tag_traits(tag);
  if (traits & kTagBlock) break_line();
  // What follows </body> or </html> is still shown in the body.
  if (tag == kBody || tag == kHtml) return;
  if (traits & kTagVoid) return flag(HtmlFlag::kUnbalanced);
  if (too_deep_ > 0) {
    --too_deep_;
    return;
  }
  const uint32_t position = position_to_close(tag);
  if (kFormatting.has(tag)) unlist_tag(tag, position);
  if (position == 0) {
    // Of tags that are ignored, or opened for others.
    const bool ignored = tag == kP || tag == kColgroup || tag == kHead || tag == kFrameset ||
                         tag == kForm || (is_table_part(tag) && open_[at(kTable)] == 0);
    if (!ignored) flag(HtmlFlag::kUnbalanced);
    return;
  }
  const bool was_hidden = hidden_;
  pop_to(position - 1);
  if ((traits & kTagBlock) && hidden_ != was_hidden) break_line();
}

// Lines and cells part the text of the table itself, not what is put before it.
HtmlSink& HtmlParser::own_sink() {
  return top().style.flags & kComputedHidden ? room_.invisible : room_.plain;
}

void HtmlParser::break_line() { own_sink().end_line(); }

// Puts the element on top of the stack into the list. Of too many the oldest without a target goes.
void HtmlParser::list_format(HtmlTag tag, const StyleDelta& delta) {
  const auto position = static_cast<uint16_t>(room_.stack.size());
  const bool linked = tag == kA && link_ != kNoIndex && link_depth_ == position;
  if (delta.set == 0 && delta.doubt == 0 && !linked) return;
  if (formats_count_ == kFormatsMax) {
    uint32_t oldest = 0;
    while (oldest + 1 < kFormatsMax && formats_[oldest].link != kNoIndex) ++oldest;
    unlist_format(oldest);
  }
  formats_[formats_count_++] = {.tag = tag,
                                .barrier = barrier_,
                                .open = position,
                                .link = linked ? link_ : kNoIndex,
                                .delta = delta};
  top().listed = true;
}

void HtmlParser::unlist_format(uint32_t index) {
  if (formats_[index].open == 0) --formats_closed_;
  std::move(formats_.begin() + index + 1, formats_.begin() + formats_count_,
            formats_.begin() + index);
  --formats_count_;
}

// Takes the element at the position from the list; for position 0, the last of the tag there.
void HtmlParser::unlist_tag(HtmlTag tag, uint32_t position) {
  for (uint32_t i = formats_count_; i-- > 0 && formats_[i].barrier == barrier_;) {
    if (formats_[i].tag != tag || (position != 0 && formats_[i].open != position)) continue;
    return unlist_format(i);
  }
}

// Opens again what follows the last element of the list that is open (13.2.4.3).
void HtmlParser::reopen_formats() {
  uint32_t first = formats_count_;
  while (first > 0 && formats_[first - 1].open == 0 && formats_[first - 1].barrier == barrier_) {
    --first;
  }
  for (uint32_t i = first; i < formats_count_; ++i) {
    HtmlFormat& format = formats_[i];
    if (!push(format.tag, compute_style(content_style(), format.delta, natural_box(format.tag)))) {
      return;
    }
    format.open = static_cast<uint16_t>(room_.stack.size());
    top().listed = true;
    --formats_closed_;
    if (format.link != kNoIndex && link_ == kNoIndex) resume_link(format);
  }
}

// A link that is opened again is another link, unless it had no text yet.
void HtmlParser::resume_link(HtmlFormat& format) {
  const HtmlLink old = batch_.html_links.open_row()[format.link];
  const Range hidden = room_.hidden_links[format.link - first_link_];
  const auto blank = [](HtmlSink& sink, Range range) {
    return std::all_of(sink.begin() + range.begin, sink.begin() + range.end, is_css_blank);
  };
  if (!blank(room_.plain, old.plain) || !blank(room_.invisible, hidden)) {
    if (links_resumed_ == kLinksResumedMax) return;
    ++links_resumed_;
    const auto before = static_cast<uint32_t>(batch_.html_links.open_row().size());
    add_link(kA, old.href, hidden_);
    if (batch_.html_links.open_row().size() > before) format.link = before;
    return;
  }
  const auto plain = static_cast<uint32_t>(room_.plain.size());
  const auto invisible = static_cast<uint32_t>(room_.invisible.size());
  batch_.html_links.open_row()[format.link].plain = {plain, plain};
  room_.hidden_links[format.link - first_link_] = {invisible, invisible};
  link_ = format.link;
  link_depth_ = room_.stack.size();
}

}  // namespace winnow
