// Runs one HTML text through the parser; the results as text, for row tables.
#pragma once

#include <fmt/core.h>

#include <string>
#include <string_view>

#include "engine/html/html.h"
#include "engine/html/tags.h"

namespace winnow::test {

struct HtmlRun {
  Batch batch;
  HtmlScratch scratch;
  Text text;
  explicit HtmlRun(std::string_view html, const Limits& limits = {}) {
    batch.add(html, 0, Envelope(), {});
    parse_html(limits, scratch, html, 0, 0, batch, text);
  }
  const Html& html() { return batch.htmls.open_row()[text.html]; }
  bool has(HtmlFlag flag) { return html().flags & static_cast<uint32_t>(flag); }
  bool fault(Fault fault) { return batch.facts[0].faults.has(fault); }

  // "tag[!] href|text" a line; '!' = not seen.
  std::string links() {
    std::string out;
    for (const HtmlLink& link : batch.html_links.open_row()) {
      out += fmt::format("{}{} {}|{}\n", html_tag_name(static_cast<HtmlTag>(link.tag)),
                         link.invisible ? "!" : "", link.href, link.text);
    }
    return out;
  }
};

}  // namespace winnow::test
