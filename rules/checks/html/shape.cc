// HTML as a reader sees it: hidden blocks, images instead of text, links that say one thing.
#include <algorithm>
#include <array>

#include "engine/content/image_size.h"
#include "engine/html/tags.h"
#include "engine/url/parse_url.h"
#include "rules/checks/check.h"
#include "rules/checks/row.h"
#include "rules/checks/text.h"

namespace winnow {

namespace {

enum Sym : uint32_t {
  kWhiteOnWhite,
  kInvisibleParts,
  kShortImg1,
  kShortImg2,
  kShortImg3,
  kEmptyImage,
  kSuspiciousImages,
  kExtCss,
  kHttpToHttps,
  kHttpToIp,
  kMetaRefresh,
  kFormPassword,
  kZeroFont,
  kCount
};

constexpr std::array<SymbolDecl, kCount> kSymbols{{
    {"R_WHITE_ON_WHITE", "html", 4, "Text in nearly the colour of its background.", true},
    {"MANY_INVISIBLE_PARTS", "html", 1, "Many hidden blocks with text.", true},
    {"HTML_SHORT_LINK_IMG_1", "html", 2, "Very short HTML around a linked image."},
    {"HTML_SHORT_LINK_IMG_2", "html", 1, "Short HTML around a linked image."},
    {"HTML_SHORT_LINK_IMG_3", "html", 0.5, "Rather short HTML around a linked image."},
    {"R_EMPTY_IMAGE", "html", 2, "An image and nearly no text."},
    {"R_SUSPICIOUS_IMAGES", "html", 5, "Linked images outweigh the text."},
    {"EXT_CSS", "html", 1, "Loads a style sheet from elsewhere."},
    {"HTTP_TO_HTTPS", "html", 0.5, "A link shows https and opens http."},
    {"HTTP_TO_IP", "html", 1, "A link opens a bare IPv4 address."},
    {"HTML_META_REFRESH_URL", "html", 5, "The page sends its reader elsewhere by itself.", true},
    {"HTML_FORM_PASSWORD", "html", 3, "The message itself asks for a password.", true},
    {"ZERO_FONT", "html", 1, "Text in letters of no size.", true},
}};

// Width and height together, in pixels: as the page says, else those of the image that the message
// brings along.
int32_t side_sum(const Batch& batch, uint32_t row, const HtmlImage& image) {
  if (image.width < 0 && image.height < 0 && starts_caseless(image.src, "cid:")) {
    constexpr uint32_t kSideMax = 100'000;
    for (const Part& part : batch.parts.row(row)) {
      if (part.content_id.empty() || part.content_id != image.src.substr(4)) continue;
      const ImageSize size = image_size(part.decoded).value_or(ImageSize());
      return static_cast<int32_t>(std::min(size.width, kSideMax) + std::min(size.height, kSideMax));
    }
  }
  return std::max(image.width, 0) + std::max(image.height, 0);
}

// Weight of n hidden blocks: .05, .1, .2 … .8, 1.
double hidden_weight(uint32_t n) {
  constexpr std::array<double, 11> kWeights{0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1};
  return kWeights[std::min<uint32_t>(n, 10)];
}

// Weight of n blocks in a font of size 0: .1 .2 .2 .3 .5 for the first, .5 up to 10, then 1.
double zero_font_weight(uint32_t n) {
  constexpr std::array<double, 6> kWeights{0, 0.1, 0.2, 0.2, 0.3, 0.5};
  return n < kWeights.size() ? kWeights[n] : n <= 10 ? 0.5 : 1;
}

void hidden(const CheckPlan& plan, Batch& batch, uint32_t row, const Html& html) {
  const uint32_t all = html.visible_bytes + html.invisible_bytes;
  if (html.transparent_bytes * 10 > all) {
    const double share = std::min(0.5, static_cast<double>(html.transparent_bytes) / all);
    insert(plan, batch, row, kWhiteOnWhite, {}, share * 2);
  }
  if (html.invisible_blocks > 0)
    insert(plan, batch, row, kInvisibleParts,
           number_text(batch.arena, std::min<uint32_t>(html.invisible_blocks, 10)),
           hidden_weight(html.invisible_blocks));
  if (html.zero_font_blocks > 0)
    insert(plan, batch, row, kZeroFont, number_text(batch.arena, html.zero_font_blocks),
           zero_font_weight(html.zero_font_blocks));
}

void images(const CheckPlan& plan, Batch& batch, uint32_t row, const Html& html,
            uint32_t text_bytes, uint32_t words) {
  bool linked_embedded = false, large_unlinked = false;
  double linked_area = 0;
  for (const HtmlImage& image :
       batch.html_images.row(row).subspan(html.images.begin, html.images.size())) {
    const int32_t sum = side_sum(batch, row, image);
    linked_embedded |= image.linked && image.embedded && sum >= 210;
    large_unlinked |= !image.linked && sum >= 400;
    if (image.linked && sum > 100 && sum < 3000) linked_area += sum / 100.0;
  }
  if (linked_embedded) {
    if (text_bytes < 1024)
      insert(plan, batch, row, kShortImg1);
    else if (text_bytes < 1536)
      insert(plan, batch, row, kShortImg2);
    else if (text_bytes < 2048)
      insert(plan, batch, row, kShortImg3);
  }
  if (large_unlinked && text_bytes < 50) insert(plan, batch, row, kEmptyImage);
  if (linked_area > 0) {
    const double share = words == 0 ? 1 : linked_area / (linked_area + words);
    if (share > 0.5) insert(plan, batch, row, kSuspiciousImages, {}, (share - 0.5) * 2);
  }
}

bool is_ipv4(std::string_view host) {
  return !host.empty() && host.find_first_not_of("0123456789.") == std::string_view::npos &&
         std::ranges::count(host, '.') == 3;
}

std::string_view host_of(std::string_view href) {
  const size_t slashes = href.find("//");
  if (slashes == std::string_view::npos) return {};
  href.remove_prefix(slashes + 2);
  href = href.substr(0, href.find_first_of("/?#"));
  if (const size_t at = href.rfind('@'); at != std::string_view::npos) href.remove_prefix(at + 1);
  return href.substr(0, href.find(':'));
}

// Whether the URL table has an address of HTML that is not written as one (0xc0.0.2.1, 3221225985).
// Which of them are links it does not say: text and images hold such, too.
bool has_numeric(const Batch& batch, uint32_t row) {
  return std::ranges::any_of(batch.urls.row(row), [](const Url& url) {
    return has(url.flags, UrlFlag::kHtml) && has(url.flags, UrlFlag::kNumeric) && is_ipv4(url.host);
  });
}

// Whether a link opens an address, however written.
bool opens_address(std::string_view href, Arena& arena) {
  thread_local UrlParser parser;
  Url url;
  return parse_url(href, UrlGuess::kNone, parser, arena, url) && is_ipv4(url.host);
}

// Of all HTML of a message together.
struct Links {
  bool numeric;  // some URL is an address in disguise: links are to be read as browsers do
  bool to_https = false, to_ip = false, css = false;
};

void look_at_links(const CheckPlan& plan, Batch& batch, uint32_t row, const Html& html,
                   Links& seen) {
  for (const HtmlLink& link :
       batch.html_links.row(row).subspan(html.links.begin, html.links.size())) {
    if (!seen.to_https && starts_caseless(link.href, "http:") &&
        starts_caseless(link.text, "https:")) {
      seen.to_https = true;
      insert(plan, batch, row, kHttpToHttps, host_of(link.href));
    }
    seen.to_ip |= link.tag == static_cast<uint16_t>(HtmlTag::kA) &&
                  starts_caseless(link.href, "http") &&
                  (is_ipv4(host_of(link.href)) ||
                   (seen.numeric && !seen.to_ip && opens_address(link.href, batch.arena)));
    if (seen.css || !link.text.empty()) continue;
    const std::string_view path = link.href.substr(0, link.href.find_first_of("?#"));
    seen.css = path.size() > 4 && equal_caseless(path.substr(path.size() - 4), ".css");
  }
}

void content(const CheckPlan& plan, Batch& batch) {
  for (uint32_t row = 0; row < batch.rows; ++row) {
    Links seen{.numeric = has_numeric(batch, row)};
    for (const Html& html : batch.htmls.row(row)) {
      const Text& text = batch.texts.row(row)[html.text];
      // A drawing has other colours (fill) than texts, and its images are part of it.
      if (is_prose(batch.parts.row(row)[text.part])) {
        hidden(plan, batch, row, html);
        images(plan, batch, row, html, static_cast<uint32_t>(text.plain.size()), text.words.size());
      }
      look_at_links(plan, batch, row, html, seen);
      if (!html.refresh.empty()) insert(plan, batch, row, kMetaRefresh);
      if (html.flags & static_cast<uint32_t>(HtmlFlag::kFormPassword))
        insert(plan, batch, row, kFormPassword);
    }
    if (seen.to_ip) insert(plan, batch, row, kHttpToIp);
    if (seen.css) insert(plan, batch, row, kExtCss);
  }
}

}  // namespace

extern constexpr Check kHtmlShape{
    .name = "html",
    .text = "Looks for hidden text, image-only mail and links that mislead.",
    .symbols = kSymbols,
    .content = content,
};

}  // namespace winnow
