#include "engine/html/html.h"

namespace winnow {

struct HtmlScratch::Room {};
HtmlScratch::HtmlScratch() : room_(std::make_unique<Room>()) {}
HtmlScratch::~HtmlScratch() = default;
HtmlScratch::HtmlScratch(HtmlScratch&&) noexcept = default;
HtmlScratch& HtmlScratch::operator=(HtmlScratch&&) noexcept = default;

void parse_html(const Limits&, HtmlScratch&, std::string_view utf8, uint32_t text_index, uint32_t,
                Batch& batch, Text& text) {
  text.html = static_cast<uint32_t>(batch.htmls.open_row().size());
  Html html;
  html.text = text_index;
  batch.htmls.values.push_back(html);
  ArenaText plain(batch.arena, utf8.size() + 16);
  bool tag = false;
  for (const char c : utf8) {
    if (c == '<') tag = true;
    if (!tag) plain.push(c);
    if (c == '>') tag = false;
  }
  text.plain = plain.finish();
}

std::string_view html_charset(std::string_view) { return {}; }

}  // namespace winnow
