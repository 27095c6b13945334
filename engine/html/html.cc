#include "engine/html/html.h"

#include "engine/html/parser.h"

namespace winnow {

HtmlScratch::HtmlScratch() : room_(std::make_unique<Room>()) {}
HtmlScratch::~HtmlScratch() = default;
HtmlScratch::HtmlScratch(HtmlScratch&&) noexcept = default;
HtmlScratch& HtmlScratch::operator=(HtmlScratch&&) noexcept = default;

void parse_html(const Limits& limits, HtmlScratch& scratch, std::string_view utf8,
                uint32_t text_index, uint32_t row, Batch& batch, Text& text) {
  HtmlParser(limits, scratch.room(), utf8, batch, row).run(text_index, text);
}

}  // namespace winnow
