// The one pass over an HTML text. Inner header of engine/html: html.h is what others include.
//
// The tokenizer (parser.cc) follows the HTML standard 13.2.5 as far as a reader sees a difference:
// text, tags, attributes, comments, raw text. Which elements are open is in tree.cc: an explicit
// stack holds, for each, its tag and the style it computed (style.h); what an element says of text
// and targets is in elements.cc. Two sinks
// receive text: `plain` what is seen, `invisible` what is not; both are bounded by 6/5 of the
// input (entities.h), blanks are collapsed on the way.
//
// Linear time. Every byte is read by the tokenizer once; a search that runs to the end of the
// input (closing quote, comment, title) is not repeated after it failed. A closing tag finds its
// element in one step: entries of the same tag are chained, and popping is paid for by pushing.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/html/attributes.h"
#include "engine/html/html.h"
#include "engine/html/sheet.h"
#include "engine/html/style.h"
#include "engine/html/tags.h"

namespace winnow {

StyleBox natural_box(HtmlTag tag);

// Of a table itself: caption, rows, cells.
constexpr bool is_table_part(HtmlTag tag) {
  return tag == HtmlTag::kCaption || tag == HtmlTag::kTbody || tag == HtmlTag::kThead ||
         tag == HtmlTag::kTfoot || tag == HtmlTag::kTr || tag == HtmlTag::kTd ||
         tag == HtmlTag::kTh;
}

struct HtmlElement {
  HtmlTag tag = HtmlTag::kUnknown;
  bool counted = false;      // as an invisible block
  bool foreign = false;      // what is in it is SVG or MathML, not HTML
  bool mute = false;         // its text is neither shown nor hidden: <style>, <title> of SVG
  bool listed = false;       // in the list of formatting elements
  uint16_t same_before = 0;  // stack position + 1 of the open element of the same tag around it
  uint16_t barrier_before = 0;
  uint16_t hider_before = 0;
  ComputedStyle style;
};

// A formatting element (font, a, b ...) that has a style or a target. One that a block or a cell
// around it closed is opened again by the next text (HTML, 13.2.4.3).
struct HtmlFormat {
  HtmlTag tag = HtmlTag::kUnknown;
  uint16_t barrier = 0;  // stack position of the barrier around it: it is not opened again beyond
  uint16_t open = 0;     // its stack position; 0 = closed by another's end
  uint32_t link = kNoIndex;
  StyleDelta delta;
};

// Text on its way out. `begin[-1]` is a line end, so that leading blanks are dropped.
struct HtmlSink {
  std::vector<char> bytes;  // grows only; first byte is the line end before begin
  char* to = nullptr;
  char* begin() { return bytes.data() + 1; }
  size_t size() { return static_cast<size_t>(to - begin()); }
  bool after_blank() const { return to[-1] == ' ' || to[-1] == '\n'; }
  void blank() {
    if (!after_blank()) *to++ = ' ';
  }
  // Ends the line if it is not empty. What was written never shrinks: links hold places in it.
  void end_line() {
    if (to[-1] == ' ') to[-1] = '\n';
    if (to[-1] != '\n') *to++ = '\n';
  }
  // Ends the line, empty or not.
  void break_line() {
    if (to[-1] == ' ')
      to[-1] = '\n';
    else if (size() > 0)
      *to++ = '\n';
  }
  void open(size_t input_bytes);
};

struct HtmlScratch::Room {
  std::vector<HtmlElement> stack;
  HtmlSink plain;
  HtmlSink invisible;
  StyleSheet sheet;
  std::vector<char> css;
  StyleCache styles;
  std::vector<Range> hidden_links;  // per link of this text: its bytes in `invisible`
  HtmlAttributes attributes;
  // What to return to behind a conditional comment.
  const char* after_conditional = nullptr;
  HtmlQuotes quotes_outside;
};

class HtmlParser {
 public:
  HtmlParser(const Limits& limits, HtmlScratch::Room& room, std::string_view utf8, Batch& batch,
             uint32_t row);
  // Runs to the end of the text. The results are in the batch's open rows and in *html.
  void run(uint32_t text_index, Text& text);

 private:
  // --- tokenizer (parser.cc)
  void read_text();
  void read_text_pre(HtmlSink& sink);
  void read_entity_text(HtmlSink& sink);
  void read_markup();
  void read_open_tag();
  void read_close_tag();
  void read_declaration();
  void read_comment();
  void skip_bogus_comment();
  void read_cdata();
  void read_mute_text();
  void leave_conditional();
  // The content of an element whose content is no markup; empty view if it is not closed.
  std::string_view raw_content(std::string_view name, bool* closed);
  void read_raw(HtmlTag tag, std::string_view name);
  void read_title(std::string_view name);
  std::string_view plain_text(std::string_view source);  // decoded, blanks collapsed; arena

  // --- open elements (tree.cc)
  // Whether the element is one of HTML, so that it may hold raw text.
  bool open_element(HtmlTag tag, std::string_view name, const HtmlAttributes& attributes);
  void open_foreign(HtmlTag tag, std::string_view name, const HtmlAttributes& attributes);
  void close_element(HtmlTag tag);
  bool make_place(HtmlTag tag);
  bool make_place_in_table(HtmlTag tag);
  void leave_foreign(HtmlTag tag, const HtmlAttributes& attributes);
  void leave_head();
  void shed(HtmlTag tag);
  uint32_t position_to_close(HtmlTag tag) const;
  // Whether the element is pushed: not if the stack is full.
  bool push(HtmlTag tag, const ComputedStyle& style, bool foreign = false);
  void pop_to(size_t depth);
  bool in_table() const;
  // The style that text has here, and elements that are no part of a table.
  const ComputedStyle& content_style() const;
  void see_content();
  void doubt_top(uint32_t style_bits);
  void list_format(HtmlTag tag, const StyleDelta& delta);
  void unlist_format(uint32_t index);
  void unlist_tag(HtmlTag tag, uint32_t position);
  void reopen_formats();
  void resume_link(HtmlFormat& format);

  // --- what they say (elements.cc)
  // The style of an element that opens here. Its own declarations are put into `kept`.
  ComputedStyle style_of(HtmlTag tag, const HtmlAttributes& attributes, StyleDelta* kept);
  static bool holds_text(HtmlTag tag);
  void note_hidden_text(const char* from);
  void break_line();
  void add_targets(HtmlTag tag, const HtmlAttributes& attributes, bool hidden);
  void add_link(HtmlTag tag, std::string_view href, bool hidden);
  void add_image(HtmlTag tag, const HtmlAttributes& attributes, std::string_view src);
  void add_form(HtmlTag tag, const HtmlAttributes& attributes);
  void read_meta(const HtmlAttributes& attributes);
  // --- inner_targets.cc
  void add_srcset(std::string_view value, bool unseen);
  void add_style_targets(std::string_view css, bool unseen);  // `css` without entities
  void end_link();
  void finish(Text& text);
  // An attribute's value, entities decoded, blanks around it cut; a target's tabs and line ends
  // are removed too, as browsers do.
  std::string_view decoded(std::string_view value, bool target);
  std::string_view text_of(const HtmlAttributes& attributes, HtmlAttribute name) {
    return decoded(attributes.get(name), false);
  }

  HtmlSink& sink() { return hidden_ ? room_.invisible : room_.plain; }
  // Whether the document is read as browsers did before there was a standard.
  bool quirks() const { return !(html_.flags & static_cast<uint32_t>(HtmlFlag::kDoctype)); }
  HtmlSink& own_sink();
  void flag(HtmlFlag bit) { html_.flags |= static_cast<uint32_t>(bit); }
  void limit(HtmlFlag bit);
  HtmlElement& top() { return room_.stack.back(); }

  const Limits& limits_;
  HtmlScratch::Room& room_;
  Batch& batch_;
  const uint32_t row_;
  Html html_;

  const char* at_;
  const char* end_;
  const char* outer_end_;     // end of the text while end_ is that of a conditional comment
  bool conditional_ = false;  // inside <!--[if ...]>: only targets count
  bool hidden_ = false;
  HtmlQuotes quotes_;
  uint32_t attributes_left_;
  bool no_title_end_ = false;
  bool no_textarea_end_ = false;
  bool no_xmp_end_ = false;

  std::array<uint16_t, static_cast<size_t>(HtmlTag::kCount)> open_{};  // stack position + 1
  uint16_t barrier_ = 0;      // stack position + 1 of the innermost barrier
  uint16_t hider_ = 0;        // the innermost element that hides what its parent shows
  uint32_t too_deep_ = 0;     // open elements beyond the depth limit
  uint32_t link_ = kNoIndex;  // link that is open: index into the open row's html_links
  size_t link_depth_ = 0;     // stack size when it was opened
  uint32_t links_resumed_ = 0;
  static constexpr uint32_t kFormatsMax = 8;
  std::array<HtmlFormat, kFormatsMax> formats_;
  uint32_t formats_count_ = 0;
  uint32_t formats_closed_ = 0;  // of them, those with open == 0
  uint32_t form_ = kNoIndex;
  uint32_t first_link_, first_image_, first_form_;
};

}  // namespace winnow
