// The attributes of one tag: those that name targets, style, size and colour; the rest is skipped.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace winnow {

enum class HtmlAttribute : uint8_t {
  kHref,
  kXlinkHref,
  kSrc,
  kDynsrc,
  kLowsrc,
  kData,
  kPoster,
  kAction,
  kFormaction,
  kBackground,
  kSrcset,
  kStyle,
  kClass,
  kId,
  kBgcolor,
  kColor,
  kText,
  kHidden,
  kOpen,
  kWidth,
  kHeight,
  kAlt,
  kMethod,
  kType,
  kHttpEquiv,
  kContent,
  kCharset,
  kMedia,
  kCount
};

// Index = HtmlAttribute.
constexpr std::array<std::string_view, static_cast<size_t>(HtmlAttribute::kCount)>
    kHtmlAttributeNames = {
        "href",    "xlink:href", "src",        "dynsrc",     "lowsrc",  "data",    "poster",
        "action",  "formaction", "background", "srcset",     "style",   "class",   "id",
        "bgcolor", "color",      "text",       "hidden",     "open",    "width",   "height",
        "alt",     "method",     "type",       "http-equiv", "content", "charset", "media"};

struct HtmlAttributes {
  uint32_t seen = 0;  // bit per HtmlAttribute
  bool unclosed_quote = false;
  bool bad = false;           // no blank between two, or a quote in a name
  bool self_closing = false;  // "/>"
  uint32_t count = 0;         // of all, known or not
  uint64_t names = 0;         // attribute_bit() of every name (selector.h)
  std::array<std::string_view, static_cast<size_t>(HtmlAttribute::kCount)> values;

  static constexpr uint32_t bit(HtmlAttribute a) { return 1u << static_cast<unsigned>(a); }
  bool has(HtmlAttribute a) const { return seen & bit(a); }
  // As written; empty if it is not there.
  std::string_view get(HtmlAttribute a) const {
    return has(a) ? values[static_cast<size_t>(a)] : std::string_view();
  }
};

// What is known of the quotes that follow: a search that failed once is not repeated, so that a
// million unclosed quotes stay linear. Belongs to one end of input.
struct HtmlQuotes {
  bool no_double = false;
  bool no_single = false;
};

// Reads attributes from `at` (behind the tag's name) to behind its '>'; returns that place, or
// nullptr if the input ends first. Of an attribute that stands twice the first counts. A quote
// that is never closed ends with the tag.
const char* read_attributes(const char* at, const char* end, uint32_t count_max, HtmlQuotes& quotes,
                            HtmlAttributes& attributes);

// Byte classes of markup.
enum : uint8_t { kHtmlBlank = 1, kHtmlNameEnd = 2 };
constexpr std::array<uint8_t, 256> kHtmlBytes = [] {
  std::array<uint8_t, 256> table{};
  for (const char c : {' ', '\t', '\n', '\r', '\f'}) {
    table[static_cast<uint8_t>(c)] = kHtmlBlank | kHtmlNameEnd;
  }
  table['/'] = table['>'] = kHtmlNameEnd;
  return table;
}();
inline bool is_html(char c, uint8_t classes) {
  return kHtmlBytes[static_cast<uint8_t>(c)] & classes;
}

}  // namespace winnow
