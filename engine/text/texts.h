// The text stage: parts that are text become UTF-8, and what a reader sees of them.
#pragma once

#include "engine/batch.h"
#include "engine/html/html.h"
#include "engine/limits.h"
#include "engine/text/charset.h"

namespace winnow {

// What the rule set asks of the text and words stages. Columns that no rule reads are not filled.
struct TextPlan {
  Limits limits;
  bool words = true;
  bool stems = true;  // and hashes, and languages, which they need
  bool folded = true;
  bool words_of_attached = false;  // Rspamd's check_text_attachements
};

// What one worker keeps from batch to batch.
struct TextScratch {
  CharsetScratch charsets;
  HtmlScratch html;
};

// REQUIRED: the parse and content stages ran. Adds one Text for every part of kind text or HTML and
// for SVG (is_svg_page), in the order of parts (Part::text links back); attachments beside a body,
// which is prose of 64 letters or more outside of attachments and messages, are flagged kAttached,
// and so are images of SVG. Fills and closes texts, htmls, html_links, html_images and html_forms
// of every row. Charset: that of a byte order mark (WHATWG Encoding 6, "BOM sniff"), else the
// declared one if the bytes fit it, else the one the HTML names, else the first guess that they
// fit, else broken UTF-8 or windows-1252.
//
// Text::plain is the rendered HTML, the text with format=flowed undone (RFC 3676), a calendar or
// card with its folds and escapes undone (content_lines.h), or `utf8` itself. Faults:
// kCharsetUnknown, kCharsetWrong, kUnicodeBad, kLimitText.
void texts(const TextPlan& plan, TextScratch& scratch, Batch& batch);

// Counts lines, blanks, letters, ... of text.plain into `text` and sets kEmpty, kZeroWidth and
// kEmoji. Returns whether its Unicode is bad: bidi controls, U+FFFD, or zero-width characters
// between letters of Latin, Greek or Cyrillic script.
bool count_text(Text& text);

}  // namespace winnow
