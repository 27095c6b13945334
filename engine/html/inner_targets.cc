// Targets inside of values: the candidates of a srcset, url() and @import of CSS. What url() names
// is loaded as the image of an <img> is, and counts as one; a font does, too.
#include "engine/ascii.h"
#include "engine/html/css_value.h"
#include "engine/html/packed_name.h"
#include "engine/html/parser.h"
#include "engine/html/scan.h"

namespace winnow {

namespace {

const char* past_blanks(const char* at, const char* end) {
  while (at < end && is_css_blank(*at)) ++at;
  return at;
}

// The string at `at`, or what stands before ')'; moves `at` behind it. An open string ends at ')',
// too: no other quote follows it, so that this search is not repeated.
std::string_view css_target(const char*& at, const char* end) {
  const char quote = *at == '"' || *at == '\'' ? *at++ : ')';
  const char* close = find_byte(at, end, quote);
  if (close == end) close = find_byte(at, end, ')');
  const std::string_view target = trim_css({at, static_cast<size_t>(close - at)});
  at = close;
  if (quote != ')') return target;
  size_t size = 0;  // no blank is in it (CSS Syntax 3, 4.3.6)
  while (size < target.size() && !is_css_blank(target[size])) ++size;
  return target.substr(0, size);
}

}  // namespace

// "Parse a srcset attribute" of the HTML standard, 4.8.4.3.10: words, each with what describes its
// size, a comma behind each.
void HtmlParser::add_srcset(std::string_view value, bool unseen) {
  const std::string_view list = decoded(value, false);
  const char* at = list.data();
  const char* const end = at + list.size();
  for (;;) {
    while (at < end && (is_css_blank(*at) || *at == ',')) ++at;
    if (at == end) return;
    const char* const from = at;
    while (at < end && !is_css_blank(*at)) ++at;
    std::string_view target(from, static_cast<size_t>(at - from));
    if (target.back() == ',') {
      while (target.back() == ',') target.remove_suffix(1);
    } else {
      at = find_byte(at, end, ',');
    }
    add_link(HtmlTag::kImg, target, unseen);
  }
}

void HtmlParser::add_style_targets(std::string_view css, bool unseen) {
  const char* const begin = css.data();
  const char* const end = begin + css.size();
  for (const char* at = begin; (at = find_either(at, end, '(', '@')) != end;) {
    HtmlTag tag = HtmlTag::kImg;
    const char* from = at + 1;
    if (*at++ == '@') {
      if (!starts_caseless({at, static_cast<size_t>(end - at)}, "import")) continue;
      tag = HtmlTag::kStyle;
      from = past_blanks(at + 6, end);
      if (starts_caseless({from, static_cast<size_t>(end - from)}, "url("))
        from += 4;
      else if (from < end && *from != '"' && *from != '\'')
        continue;
    } else if (from - begin < 4 || !same_folded({from - 4, 3}, "url")) {
      continue;
    }
    at = past_blanks(from, end);
    if (at == end) return;
    const std::string_view target = css_target(at, end);
    if (!target.empty() && !starts_caseless(target, "data:")) add_link(tag, target, unseen);
  }
}

}  // namespace winnow
