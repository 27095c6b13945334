// HTML to text, links and what is hidden: one pass over the bytes, no document tree, no recursion.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "engine/batch.h"
#include "engine/limits.h"

namespace winnow {

// Room that one worker keeps between texts. Not shared between threads.
class HtmlScratch {
 public:
  HtmlScratch();
  ~HtmlScratch();
  HtmlScratch(HtmlScratch&&) noexcept;
  HtmlScratch& operator=(HtmlScratch&&) noexcept;

  struct Room;  // engine/html/parser.h
  Room& room() { return *room_; }

 private:
  std::unique_ptr<Room> room_;
};

// Reads the HTML text `utf8` and appends to the *open* rows of batch.htmls, html_links,
// html_images and html_forms (the caller closes them with end_row() when the message's last text
// is done). Sets text.html, text.plain (arena, valid UTF-8, at most 6/5 of the input) and faults
// on `row`. Hidden text is not in text.plain; it is in Html::invisible.
//
// html_links holds every target: a, area, link, form, img, iframe, meta refresh, ... (HtmlLink::tag
// tells which: img also for the candidates of a srcset and url() of CSS, style for @import);
// targets are decoded and trimmed, not resolved against Html::base. An image is in html_images too,
// those of srcset and CSS are not.
//
// REQUIRED: `utf8` is valid UTF-8 and lives as long as the batch (results point into it).
void parse_html(const Limits& limits, HtmlScratch& scratch, std::string_view utf8,
                uint32_t text_index, uint32_t row, Batch& batch, Text& text);

// The charset that a document of unknown charset names itself: <meta charset>, <meta http-equiv
// content-type> or <?xml encoding?> within the first 4096 bytes; empty if none. A view of `bytes`.
std::string_view html_charset(std::string_view bytes);

}  // namespace winnow
