// How a page is made: by hand, by a broken generator, to be seen and not read, or to be counted.
#include <algorithm>
#include <array>

#include "engine/html/tags.h"
#include "rules/checks/check.h"
#include "rules/checks/row.h"
#include "rules/checks/text.h"

namespace winnow {

namespace {

enum Sym : uint32_t {
  kBroken,
  kUnclosed,
  kUnknownTags,
  kCommentsStuffed,
  kTagsDense,
  kHiddenStuffed,
  kPicturesMostly,
  kOnePicture,
  kPixel,
  kPixelsOnly,
  kPixelsMany,
  kLongTitle,
  kFormOut,
  kOldMakeUp,
  kCount
};

constexpr std::array<SymbolDecl, kCount> kSymbols{{
    {"PAGE_BROKEN", "page", 0.5, "Tags are not closed in order.", true},
    {"PAGE_UNCLOSED", "page", 0.5, "The page ends within a tag or a comment.", true},
    {"PAGE_UNKNOWN_TAGS", "page", 0.5, "Three tags or more that no browser knows.", true},
    {"PAGE_COMMENTS_STUFFED", "page", 1, "Comments are longer than what is shown.", true},
    {"PAGE_TAGS_DENSE", "page", 0.1, "A tag for every ten bytes that are shown.", true},
    {"PAGE_HIDDEN_STUFFED", "page", 1.3, "More text is hidden than shown.", true},
    {"PAGE_PICTURES_MOSTLY", "page", 0.7, "A picture for every ten words.", true},
    {"PAGE_ONE_PICTURE", "page", 0.6, "One picture and less than twenty words.", true},
    {"PAGE_PIXEL", "page", 0.1, "A picture of one pixel from elsewhere counts readers.", true},
    {"PAGE_PIXELS_ONLY", "page", 0.5, "Every picture is one pixel that counts readers.", true},
    {"PAGE_PIXELS_MANY", "page", 0, "Three pictures of one pixel or more.", true},
    {"PAGE_TITLE_SELLS", "page", 0.5, "The page has a title of six words or more.", true},
    {"PAGE_FORM_OUT", "page", 0, "A form of the page sends its fields to a web site.", true},
    {"PAGE_OLD_MAKE_UP", "page", 0, "Tags of fonts and centring, and no style sheet.", true},
}};

bool has(const Html& html, HtmlFlag flag) { return html.flags & static_cast<uint32_t>(flag); }
bool has_tag(const Html& html, HtmlTag tag) {
  const auto bit = static_cast<uint32_t>(tag);
  return html.tags_seen[bit / 64] >> (bit % 64) & 1;
}

struct Pictures {
  uint32_t all = 0, pixels = 0;
};

Pictures pictures_of(std::span<const HtmlImage> images) {
  Pictures out;
  for (const HtmlImage& image : images) {
    ++out.all;
    out.pixels += !image.embedded && image.width >= 0 && image.width <= 1 && image.height >= 0 &&
                  image.height <= 1;
  }
  return out;
}

uint32_t words_of(std::string_view title) {
  uint32_t words = 0;
  bool inside = false;
  for (const char c : title) {
    const bool blank = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    words += !blank && !inside;
    inside = !blank;
  }
  return words;
}

void page(const CheckPlan& plan, Batch& batch, uint32_t row, const Html& html) {
  const auto if_true = [&](bool condition, Sym symbol) {
    if (condition) insert(plan, batch, row, symbol);
  };
  if_true(has(html, HtmlFlag::kUnbalanced), kBroken);
  if_true(has(html, HtmlFlag::kUnclosedTag) || has(html, HtmlFlag::kUnclosedComment), kUnclosed);
  if_true(html.unknown_tags >= 3, kUnknownTags);
  if_true(html.comment_bytes > 100 && html.comment_bytes > html.visible_bytes, kCommentsStuffed);
  if_true(html.tags >= 10 && html.tags * 10 > html.visible_bytes, kTagsDense);
  if_true(html.invisible_bytes > 200 && html.invisible_bytes > html.visible_bytes, kHiddenStuffed);
  const uint32_t words = batch.texts.row(row)[html.text].words.size();
  const Pictures pictures =
      pictures_of(batch.html_images.row(row).subspan(html.images.begin, html.images.size()));
  const uint32_t shown = pictures.all - pictures.pixels;
  if_true(shown >= 2 && shown * 10 > words, kPicturesMostly);
  if_true(shown == 1 && words < 20, kOnePicture);
  if_true(pictures.pixels > 0, kPixel);
  if_true(pictures.pixels > 0 && shown == 0, kPixelsOnly);
  if_true(pictures.pixels >= 3, kPixelsMany);
  if_true(words_of(html.title) >= 6, kLongTitle);
  bool form_out = false;
  for (const HtmlForm& form :
       batch.html_forms.row(row).subspan(html.forms.begin, html.forms.size()))
    form_out |= form.inputs > 0 && starts_caseless(form.action, "http");
  if_true(form_out, kFormOut);
  if_true(has_tag(html, HtmlTag::kFont) && has_tag(html, HtmlTag::kCenter) && html.style_bytes == 0,
          kOldMakeUp);
}

void content(const CheckPlan& plan, Batch& batch) {
  for (uint32_t row = 0; row < batch.rows; ++row)
    for (const Html& html : batch.htmls.row(row))
      if (!(batch.texts.row(row)[html.text].flags & static_cast<uint16_t>(TextFlag::kAttached))) {
        page(plan, batch, row, html);
        break;  // an alternative has one page; what follows is quoted or attached
      }
}

}  // namespace

extern constexpr Check kHtmlMake{
    .name = "html_make",
    .text = "Looks at how a page is made: broken, stuffed, of pictures, with counters.",
    .symbols = kSymbols,
    .content = content,
};

}  // namespace winnow
