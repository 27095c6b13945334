// HTML to text and links, on markup like that of newsletters, over sizes; and what files are.
// Limit: "HTML to text and links" 3.6 us a message (1,060 MB/s); types of files have no row.
#include <benchmark/benchmark.h>

#include <string>

#include "engine/content/detect.h"
#include "engine/html/html.h"

namespace winnow {
namespace {

// About `cells` table cells with styles, entities, a link and an image each.
std::string sample_html(int64_t cells) {
  std::string html =
      "<!DOCTYPE html><html><head><title>News</title><style>.x{color:#333}</style></head>"
      "<body bgcolor=\"#ffffff\"><table width=\"600\" cellpadding=\"0\">";
  for (int64_t i = 0; i < cells; ++i) {
    html +=
        "<tr><td align=\"left\" style=\"font-family: Arial, sans-serif; font-size: 14px; "
        "color: #333333;\"><p class=\"x\">Dear customer, your order &amp; all its parts have left "
        "our house; they will be with you in about two days.</p>\n  <a "
        "href=\"https://shop.example.com/orders/17?lang=en&amp;page=2\">See it</a>&nbsp;<img "
        "src=\"https://img.example.com/a.png\" width=\"40\" height=\"20\" alt=\"\"></td></tr>\n";
  }
  return html + "</table></body></html>";
}

void html_to_text(benchmark::State& state) {
  const std::string html = sample_html(state.range(0));
  const Limits limits;
  HtmlScratch scratch;
  Batch batch;
  for (auto _ : state) {
    batch.clear();
    batch.add(html, 0, Envelope(), {});
    Text text;
    parse_html(limits, scratch, html, 0, 0, batch, text);
    if (batch.html_links.open_row().size() != 2 * static_cast<size_t>(state.range(0))) {
      state.SkipWithError("wrong answer");
    }
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * html.size()));
}
BENCHMARK(html_to_text)->Arg(1)->Arg(8)->Arg(64)->Arg(1024);

void detect(benchmark::State& state) {
  const std::string text = sample_html(8);
  for (auto _ : state) {
    if (detect_type(text, "a.html").extension != "html") state.SkipWithError("wrong answer");
  }
}
BENCHMARK(detect);

}  // namespace
}  // namespace winnow
