// What an element says: its style, its targets; and what is left of a text at its end.
#include <algorithm>
#include <cstring>

#include "engine/ascii.h"
#include "engine/html/entities.h"
#include "engine/html/packed_name.h"
#include "engine/html/parser.h"
#include "engine/html/scan.h"
#include "engine/text/utf8.h"

namespace winnow {

namespace {

constexpr size_t kInvisibleKeptMax = 64 * 1024;  // bytes of Html::invisible
constexpr uint32_t kLinkBlue = 0x0000EE;

constexpr uint32_t kStyled =
    HtmlAttributes::bit(HtmlAttribute::kStyle) | HtmlAttributes::bit(HtmlAttribute::kBgcolor) |
    HtmlAttributes::bit(HtmlAttribute::kColor) | HtmlAttributes::bit(HtmlAttribute::kText) |
    HtmlAttributes::bit(HtmlAttribute::kBackground) | HtmlAttributes::bit(HtmlAttribute::kHidden);
constexpr uint32_t kTargets =
    HtmlAttributes::bit(HtmlAttribute::kHref) | HtmlAttributes::bit(HtmlAttribute::kXlinkHref) |
    HtmlAttributes::bit(HtmlAttribute::kSrc) | HtmlAttributes::bit(HtmlAttribute::kDynsrc) |
    HtmlAttributes::bit(HtmlAttribute::kLowsrc) | HtmlAttributes::bit(HtmlAttribute::kData) |
    HtmlAttributes::bit(HtmlAttribute::kPoster) | HtmlAttributes::bit(HtmlAttribute::kAction) |
    HtmlAttributes::bit(HtmlAttribute::kFormaction) |
    HtmlAttributes::bit(HtmlAttribute::kBackground) | HtmlAttributes::bit(HtmlAttribute::kSrcset) |
    HtmlAttributes::bit(HtmlAttribute::kHttpEquiv);

// Which attributes name a target on which tag is left open: "src" is one wherever it stands.
constexpr HtmlAttribute kTargetOrder[] = {HtmlAttribute::kHref,       HtmlAttribute::kXlinkHref,
                                          HtmlAttribute::kSrc,        HtmlAttribute::kDynsrc,
                                          HtmlAttribute::kLowsrc,     HtmlAttribute::kData,
                                          HtmlAttribute::kPoster,     HtmlAttribute::kAction,
                                          HtmlAttribute::kFormaction, HtmlAttribute::kBackground};

int32_t pixels(std::string_view value) {
  const CssNumber number = read_number(trim_css(value));
  if (number.length == 0 || number.unit == CssUnit::kPercent) return -1;
  return std::max(0, number.milli / 1000);
}

}  // namespace

StyleBox natural_box(HtmlTag tag) {
  switch (tag) {
    case HtmlTag::kHtml:
    case HtmlTag::kBody:
      return StyleBox::kRoot;
    case HtmlTag::kTable:
      return StyleBox::kTable;
    case HtmlTag::kCaption:
    case HtmlTag::kTbody:
    case HtmlTag::kThead:
    case HtmlTag::kTfoot:
    case HtmlTag::kTr:
    case HtmlTag::kTd:
    case HtmlTag::kTh:
      return StyleBox::kPart;
    default:
      return tag_traits(tag) & kTagBlock ? StyleBox::kBlock : StyleBox::kInline;
  }
}

ComputedStyle HtmlParser::style_of(HtmlTag tag, const HtmlAttributes& attributes,
                                   StyleDelta* kept) {
  const uint8_t traits = tag_traits(tag);
  const ComputedStyle& parent = is_table_part(tag) ? top().style : content_style();
  const bool link = tag == HtmlTag::kA && attributes.has(HtmlAttribute::kHref);
  const bool quirk = tag == HtmlTag::kTable && quirks();
  if (!(attributes.seen & kStyled) && !(traits & (kTagPre | kTagHidden)) && !link && !quirk &&
      room_.sheet.empty()) {
    return inherit_style(parent);
  }
  StyleDelta delta;
  const auto color = [&](HtmlAttribute name, uint32_t bit, Color StyleDelta::*member) {
    if (!attributes.has(name)) return;
    const std::string_view value = text_of(attributes, name);
    if (value.empty() || same_folded(value, "transparent")) return;
    // What is no colour here is one to a browser (HTML, 2.3.6): any text is.
    delta.*member = parse_color(value, true);
    if (!(delta.*member).known) delta.*member = {true, 255, kUnknownColor};
    delta.set |= bit;
  };
  if (link) {
    delta.color = {true, 255, kLinkBlue};
    delta.set |= kStyleColor;
  }
  // Without a document type a table does not inherit the size of its text (quirks mode).
  if (quirk) {
    delta.font = {16'000, CssUnit::kPx, 1};
    delta.set |= kStyleFont;
  }
  color(HtmlAttribute::kColor, kStyleColor, &StyleDelta::color);
  if (tag == HtmlTag::kBody) color(HtmlAttribute::kText, kStyleColor, &StyleDelta::color);
  color(HtmlAttribute::kBgcolor, kStyleBackground, &StyleDelta::background);
  if (attributes.has(HtmlAttribute::kBackground)) {
    delta.set |= kStyleGround;
    delta.value |= kStyleGround;
  }
  const bool closed_dialog = tag == HtmlTag::kDialog && attributes.has(HtmlAttribute::kOpen);
  if (((traits & kTagHidden) && !closed_dialog) || attributes.has(HtmlAttribute::kHidden)) {
    delta.set |= kStyleNone;
    delta.value |= kStyleNone;
  }
  if (traits & kTagPre) {
    delta.set |= kStylePre;
    delta.value |= kStylePre;
  }
  if (!room_.sheet.empty()) {
    room_.sheet.match({.tag = tag,
                       .classes = text_of(attributes, HtmlAttribute::kClass),
                       .id = text_of(attributes, HtmlAttribute::kId),
                       .attributes = attributes.names},
                      delta);
  }
  if (attributes.has(HtmlAttribute::kStyle)) {
    const std::string_view style = text_of(attributes, HtmlAttribute::kStyle);
    delta.put(room_.styles.read(style, room_.css));
  }
  if (kept != nullptr) *kept = delta;
  return compute_style(parent, delta, natural_box(tag));
}

// Elements that are counted when they hide text: what writers of mail put text into.
bool HtmlParser::holds_text(HtmlTag tag) {
  return tag == HtmlTag::kFont || tag == HtmlTag::kSpan || tag == HtmlTag::kDiv ||
         tag == HtmlTag::kP || tag == HtmlTag::kTd;
}

// Counts text that went to the invisible sink from `from` on.
void HtmlParser::note_hidden_text(const char* from) {
  const auto bytes = static_cast<uint32_t>(room_.invisible.to - from);
  if (bytes == 0 || (bytes == 1 && *from == ' ')) return;
  HtmlElement& element = top();
  const ComputedStyle& style = content_style();
  html_.invisible_bytes += bytes;
  constexpr uint16_t kOther =
      kComputedGone | kComputedInvisible | kComputedAway | kComputedIndent | kComputedTiny;
  if (!(style.flags & kOther)) html_.transparent_bytes += bytes;
  if (element.counted || !holds_text(element.tag)) return;
  element.counted = true;
  ++html_.invisible_blocks;
  if (style.font_px16 == 0) ++html_.zero_font_blocks;
}

std::string_view HtmlParser::decoded(std::string_view value, bool target) {
  const auto blank = [](char c) { return static_cast<uint8_t>(c) <= ' '; };
  while (!value.empty() && blank(value.front())) value.remove_prefix(1);
  while (!value.empty() && blank(value.back())) value.remove_suffix(1);
  const char* from = value.data();
  const char* const end = from + value.size();
  const char* const clean = target ? find_unclean(from, end) : find_byte(from, end, '&');
  if (clean == end) return value;
  char* const begin = batch_.arena.alloc_bytes(value.size() + value.size() / 5 + 16);
  char* to = begin;
  std::memcpy(to, from, static_cast<size_t>(clean - from));
  to += clean - from;
  for (from = clean; from < end;) {
    if (*from == '&') {
      const Entity entity = read_entity({from, static_cast<size_t>(end - from)}, true);
      if (entity.length > 0) {
        from += entity.length;
        const bool dropped =
            target && (entity.first == '\t' || entity.first == '\n' || entity.first == '\r');
        if (!dropped) to += put_point(to, entity.first);
        if (entity.second != 0) to += put_point(to, entity.second);
        continue;
      }
    }
    const char c = *from++;
    if (target ? c != '\t' && c != '\n' && c != '\r' && c != 0 : c != 0) *to++ = c;
  }
  batch_.arena.shrink_to(to);
  std::string_view result(begin, static_cast<size_t>(to - begin));
  while (!result.empty() && blank(result.front())) result.remove_prefix(1);
  while (!result.empty() && blank(result.back())) result.remove_suffix(1);
  return result;
}

void HtmlParser::add_targets(HtmlTag tag, const HtmlAttributes& attributes, bool unseen) {
  if (tag == HtmlTag::kForm && !conditional_) add_form(tag, attributes);
  if (tag == HtmlTag::kInput || tag == HtmlTag::kSelect || tag == HtmlTag::kTextarea) {
    const bool password = same_folded(text_of(attributes, HtmlAttribute::kType), "password");
    if (password) flag(HtmlFlag::kFormPassword);
    if (form_ != kNoIndex) {
      HtmlForm& form = batch_.html_forms.open_row()[form_];
      if (form.inputs < 0xFFFF) ++form.inputs;
      if (password) form.password = true;
    }
  }
  if (attributes.has(HtmlAttribute::kStyle)) {
    const std::string_view style = attributes.get(HtmlAttribute::kStyle);
    if (style.find('(') != style.npos) add_style_targets(decoded(style, false), unseen);
  }
  if (!(attributes.seen & kTargets)) {
    if (tag == HtmlTag::kImg) add_image(tag, attributes, {});
    return;
  }
  if (tag == HtmlTag::kMeta) return read_meta(attributes);
  for (const HtmlAttribute name : kTargetOrder) {
    if (!attributes.has(name)) continue;
    // <object data>, not the data of other tags.
    if (name == HtmlAttribute::kData && tag != HtmlTag::kObject) continue;
    const std::string_view target = decoded(attributes.get(name), true);
    if (name == HtmlAttribute::kSrc && (tag == HtmlTag::kImg || tag == HtmlTag::kInput)) {
      add_image(tag, attributes, target);
    }
    // An empty one of a link is the document, or what <base> names.
    const bool anchor = tag == HtmlTag::kA || tag == HtmlTag::kArea;
    if (target.empty() && !(anchor && name == HtmlAttribute::kHref)) continue;
    if (tag == HtmlTag::kBase) {
      if (name == HtmlAttribute::kHref && html_.base.empty()) html_.base = target;
      continue;
    }
    add_link(tag, target, unseen);
  }
  if (tag == HtmlTag::kImg && !attributes.has(HtmlAttribute::kSrc)) add_image(tag, attributes, {});
  if (tag == HtmlTag::kImg || tag == HtmlTag::kSource) {
    add_srcset(attributes.get(HtmlAttribute::kSrcset), unseen);
  }
}

void HtmlParser::add_link(HtmlTag tag, std::string_view href, bool unseen) {
  if (starts_caseless(href, "data:")) flag(HtmlFlag::kDataUrl);
  const auto index = static_cast<uint32_t>(batch_.html_links.open_row().size());
  if (index - first_link_ >= limits_.html_links_max) {
    batch_.facts[row_].faults.set(Fault::kLimitHtml);
    return;
  }
  HtmlLink link;
  link.html = static_cast<uint32_t>(batch_.htmls.open_row().size());
  link.tag = static_cast<uint16_t>(tag);
  link.invisible = unseen;
  link.href = href;
  const auto plain = static_cast<uint32_t>(room_.plain.size());
  const auto invisible = static_cast<uint32_t>(room_.invisible.size());
  link.plain = {plain, plain};
  batch_.html_links.values.push_back(link);
  room_.hidden_links.push_back({invisible, invisible});
  if (tag == HtmlTag::kA && !conditional_ && link_ == kNoIndex) {
    link_ = index;
    link_depth_ = room_.stack.size();
  }
}

void HtmlParser::end_link() {
  if (link_ == kNoIndex) return;
  batch_.html_links.open_row()[link_].plain.end = static_cast<uint32_t>(room_.plain.size());
  room_.hidden_links[link_ - first_link_].end = static_cast<uint32_t>(room_.invisible.size());
  link_ = kNoIndex;
}

void HtmlParser::add_image(HtmlTag tag, const HtmlAttributes& attributes, std::string_view src) {
  if (tag == HtmlTag::kInput && !same_folded(text_of(attributes, HtmlAttribute::kType), "image")) {
    return;
  }
  if (batch_.html_images.open_row().size() - first_image_ >= limits_.html_links_max) {
    batch_.facts[row_].faults.set(Fault::kLimitHtml);
    return;
  }
  HtmlImage image;
  image.html = static_cast<uint32_t>(batch_.htmls.open_row().size());
  image.width = pixels(text_of(attributes, HtmlAttribute::kWidth));
  image.height = pixels(text_of(attributes, HtmlAttribute::kHeight));
  if ((image.width < 0 || image.height < 0) && attributes.has(HtmlAttribute::kStyle)) {
    const StyleDelta& own =
        room_.styles.read(text_of(attributes, HtmlAttribute::kStyle), room_.css);
    if (image.width < 0) image.width = own.width;
    if (image.height < 0) image.height = own.height;
  }
  image.embedded = starts_caseless(src, "cid:") || starts_caseless(src, "data:");
  image.linked = link_ != kNoIndex;
  image.src = src;
  image.alt = text_of(attributes, HtmlAttribute::kAlt);
  batch_.html_images.values.push_back(image);
}

void HtmlParser::add_form(HtmlTag, const HtmlAttributes& attributes) {
  const auto index = static_cast<uint32_t>(batch_.html_forms.open_row().size());
  if (index - first_form_ >= limits_.html_links_max) {
    batch_.facts[row_].faults.set(Fault::kLimitHtml);
    return;
  }
  HtmlForm form;
  form.html = static_cast<uint32_t>(batch_.htmls.open_row().size());
  form.action = decoded(attributes.get(HtmlAttribute::kAction), true);
  form.method = text_of(attributes, HtmlAttribute::kMethod);
  batch_.html_forms.values.push_back(form);
  form_ = index;
}

// <meta http-equiv=refresh content="0; url='...'">
void HtmlParser::read_meta(const HtmlAttributes& attributes) {
  if (!same_folded(text_of(attributes, HtmlAttribute::kHttpEquiv), "refresh")) return;
  flag(HtmlFlag::kMetaRefresh);
  std::string_view content = decoded(attributes.get(HtmlAttribute::kContent), true);
  size_t seconds = 0;
  while (seconds < content.size() && (is_css_digit(content[seconds]) || content[seconds] == '.')) {
    ++seconds;
  }
  content.remove_prefix(seconds);
  while (!content.empty() && (is_css_blank(content[0]) || content[0] == ';' || content[0] == ',')) {
    content.remove_prefix(1);
  }
  if (starts_caseless(content, "url")) {
    std::string_view rest = trim_css(content.substr(3));
    if (!rest.empty() && rest[0] == '=') content = trim_css(rest.substr(1));
  }
  if (!content.empty() && (content[0] == '"' || content[0] == '\'')) {
    const size_t close = content.find(content[0], 1);
    content = content.substr(1, close == std::string_view::npos ? close : close - 1);
  }
  if (content.empty()) return;
  if (html_.refresh.empty()) html_.refresh = content;
  add_link(HtmlTag::kMeta, content, false);
}

void HtmlParser::finish(Text& text) {
  end_link();
  for (size_t i = 1; i < room_.stack.size(); ++i) {
    if (!(tag_traits(room_.stack[i].tag) & kTagOptionalEnd)) flag(HtmlFlag::kUnbalanced);
  }
  HtmlSink& plain = room_.plain;
  while (plain.size() > 0 && plain.after_blank()) --plain.to;
  text.plain = batch_.arena.copy(std::string_view(plain.begin(), plain.size()));
  HtmlSink& invisible = room_.invisible;
  while (invisible.size() > 0 && invisible.after_blank()) --invisible.to;
  size_t kept = std::min(invisible.size(), kInvisibleKeptMax);
  if (kept < invisible.size()) {
    while (kept > 0 && (static_cast<uint8_t>(invisible.begin()[kept]) & 0xC0) == 0x80) --kept;
  }
  html_.invisible = batch_.arena.copy(std::string_view(invisible.begin(), kept));
  html_.visible_bytes = static_cast<uint32_t>(text.plain.size());

  const auto cut = [](std::string_view whole, Range range) {
    const size_t end = std::min<size_t>(range.end, whole.size());
    const size_t begin = std::min<size_t>(range.begin, end);
    return trim_css(whole.substr(begin, end - begin));
  };
  const std::span<HtmlLink> links = batch_.html_links.open_row();
  for (size_t i = first_link_; i < links.size(); ++i) {
    HtmlLink& link = links[i];
    link.text = cut(text.plain, link.plain);
    link.plain.begin = static_cast<uint32_t>(link.text.data() - text.plain.data());
    link.plain.end = static_cast<uint32_t>(link.plain.begin + link.text.size());
    if (link.text.empty()) {
      link.text = link.invisible ? cut(html_.invisible, room_.hidden_links[i - first_link_])
                                 : std::string_view();
    }
  }
  html_.links = {first_link_, static_cast<uint32_t>(links.size())};
  html_.images = {first_image_, static_cast<uint32_t>(batch_.html_images.open_row().size())};
  html_.forms = {first_form_, static_cast<uint32_t>(batch_.html_forms.open_row().size())};
  text.html = static_cast<uint32_t>(batch_.htmls.open_row().size());
  batch_.htmls.values.push_back(html_);
}

}  // namespace winnow
