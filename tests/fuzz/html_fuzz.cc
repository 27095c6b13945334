// HTML of any bytes: the text is valid UTF-8 and bounded by the input, ranges lie inside their
// columns, and a second run gives the same.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "engine/html/html.h"
#include "engine/text/utf8.h"
#include "tests/fuzz/require.h"

namespace {

// The parser is given valid UTF-8 only: what is broken becomes U+FFFD, as the charset stage does.
std::string mended(std::string_view bytes) {
  std::string out;
  while (!bytes.empty()) {
    size_t n = winnow::sequence_length(bytes);
    if (n > 0) {
      out.append(bytes.substr(0, n));
    } else {
      out += "\xEF\xBF\xBD";
      n = winnow::broken_length(bytes);
    }
    bytes.remove_prefix(n);
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace winnow;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  require(html_charset(bytes).size() <= size);
  const std::string html = mended(bytes);
  Limits limits;
  limits.html_tags_max = 2'000;
  limits.html_attributes_max = 1'000;
  limits.html_depth_max = 30;
  limits.html_links_max = 100;
  static HtmlScratch scratch;
  std::string first_plain;
  for (int round = 0; round < 2; ++round) {
    Batch batch;
    batch.add(html, 0, Envelope(), {});
    Text text;
    parse_html(limits, scratch, html, 0, 0, batch, text);
    require(is_utf8(text.plain));
    require(text.plain.size() <= html.size() + html.size() / 5);
    const Html& result = batch.htmls.open_row()[text.html];
    require(is_utf8(result.invisible) && is_utf8(result.title));
    require(result.tags <= limits.html_tags_max && result.depth_max <= limits.html_depth_max);
    require(result.links.end == batch.html_links.open_row().size());
    for (const HtmlLink& link : batch.html_links.open_row()) {
      require(is_utf8(link.href) && is_utf8(link.text));
      require(link.plain.begin <= link.plain.end && link.plain.end <= text.plain.size());
    }
    if (round == 0) first_plain = text.plain;
    require(first_plain == text.plain);
  }
  return 0;
}
