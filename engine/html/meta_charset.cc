// The charset a document names, before it is decoded: a small reader of tags over raw bytes, as
// the HTML standard's prescan (13.2.3.2), over the first kPrescanMax bytes.
#include <algorithm>

#include "engine/html/attributes.h"
#include "engine/html/css_value.h"
#include "engine/html/html.h"
#include "engine/html/packed_name.h"
#include "engine/html/scan.h"

namespace winnow {

namespace {

constexpr size_t kPrescanMax = 4096;

// What follows `key` and '=' in `text`, quoted or up to a blank or ';'.
std::string_view value_after(std::string_view text, std::string_view key) {
  for (size_t at = 0; at + key.size() < text.size(); ++at) {
    if (!same_folded(text.substr(at, key.size()), key)) continue;
    std::string_view rest = trim_css(text.substr(at + key.size()));
    if (rest.empty() || rest[0] != '=') continue;
    rest = trim_css(rest.substr(1));
    if (rest.empty()) return {};
    const char quote = rest[0] == '"' || rest[0] == '\'' ? rest[0] : '\0';
    size_t end = quote != 0;
    while (end < rest.size() &&
           (quote != 0 ? rest[end] != quote : rest[end] != ';' && !is_css_blank(rest[end]))) {
      ++end;
    }
    return trim_css(rest.substr(quote != 0, end - (quote != 0)));
  }
  return {};
}

std::string_view meta_charset(const HtmlAttributes& attributes) {
  const std::string_view charset = trim_css(attributes.get(HtmlAttribute::kCharset));
  if (!charset.empty()) return charset;
  if (!same_folded(trim_css(attributes.get(HtmlAttribute::kHttpEquiv)), "content-type")) return {};
  return value_after(attributes.get(HtmlAttribute::kContent), "charset");
}

}  // namespace

std::string_view html_charset(std::string_view bytes) {
  bytes = bytes.substr(0, kPrescanMax);
  const char* const end = bytes.data() + bytes.size();
  HtmlQuotes quotes;
  for (const char* at = bytes.data(); (at = find_byte(at, end, '<')) != end;) {
    const std::string_view rest(at, static_cast<size_t>(end - at));
    if (rest.starts_with("<!--")) {
      const size_t close = rest.find("-->", 4);
      if (close == std::string_view::npos) return {};
      at += close + 3;
      continue;
    }
    if (rest.size() > 6 && same_folded(rest.substr(0, 5), "<?xml")) {
      const std::string_view found =
          value_after(rest.substr(0, std::min(rest.find('>'), rest.size())), "encoding");
      if (!found.empty()) return found;
    }
    if (rest.size() > 6 && same_folded(rest.substr(0, 5), "<meta") &&
        is_html(rest[5], kHtmlNameEnd)) {
      HtmlAttributes attributes;
      const char* const after = read_attributes(at + 5, end, 100, quotes, attributes);
      const std::string_view found = meta_charset(attributes);
      if (!found.empty()) return found;
      if (after == nullptr) return {};
      at = after;
      continue;
    }
    ++at;
  }
  return {};
}

}  // namespace winnow
