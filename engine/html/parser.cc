#include "engine/html/parser.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "engine/html/entities.h"
#include "engine/html/packed_name.h"
#include "engine/html/scan.h"
#include "engine/text/utf8.h"

namespace winnow {

namespace {

bool is_letter(char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }

std::string_view view(const char* from, const char* to) {
  return {from, static_cast<size_t>(to - from)};
}

}  // namespace

HtmlParser::HtmlParser(const Limits& limits, HtmlScratch::Room& room, std::string_view utf8,
                       Batch& batch, uint32_t row)
    : limits_(limits),
      room_(room),
      batch_(batch),
      row_(row),
      at_(utf8.data()),
      end_(utf8.data() + utf8.size()),
      outer_end_(end_),
      attributes_left_(limits.html_attributes_max),
      first_link_(static_cast<uint32_t>(batch.html_links.open_row().size())),
      first_image_(static_cast<uint32_t>(batch.html_images.open_row().size())),
      first_form_(static_cast<uint32_t>(batch.html_forms.open_row().size())) {
  room_.plain.open(utf8.size());
  room_.invisible.open(utf8.size());
  room_.sheet.clear();
  room_.hidden_links.clear();
  room_.styles.clear();
  room_.stack.clear();
  room_.stack.push_back({});
}

void HtmlSink::open(size_t input_bytes) {
  // 6/5 is the most that entities grow (entities.h); 16 bytes are copied at a time.
  const size_t need = input_bytes + input_bytes / 5 + 64;
  constexpr size_t kKeepBytes = 4 << 20;
  if (bytes.size() < need)
    bytes.resize(need);
  else if (bytes.size() > kKeepBytes && need < kKeepBytes)
    bytes.resize(kKeepBytes), bytes.shrink_to_fit();
  bytes[0] = '\n';
  to = begin();
}

void HtmlParser::run(uint32_t text_index, Text& text) {
  html_.text = text_index;
  for (;;) {
    if (at_ < end_) {
      if (*at_ != '<') read_text();
      if (at_ < end_) read_markup();
    } else if (conditional_) {
      leave_conditional();
    } else {
      break;
    }
  }
  finish(text);
}

void HtmlParser::limit(HtmlFlag bit) {
  flag(bit);
  batch_.facts[row_].faults.set(Fault::kLimitHtml);
}

// Up to the next '<' or the end.
void HtmlParser::read_text() {
  if (conditional_) {
    at_ = find_byte(at_, end_, '<');
    return;
  }
  if (top().mute) return read_mute_text();
  if (open_[static_cast<size_t>(HtmlTag::kHead)] != 0) leave_head();
  if (formats_closed_ > 0 && !in_table()) reopen_formats();
  HtmlSink& out = sink();
  const char* const from = out.to;
  if (content_style().flags & kComputedPre) read_text_pre(out);
  // Local copies: the bytes written could else alias the members.
  const char* at = at_;
  const char* const end = end_;
  char* to = out.to;
  const auto after_blank = [&] { return to[-1] == ' ' || to[-1] == '\n'; };
  while (at < end) {
    const size_t copied = copy_text(at, end, to, after_blank());
    at += copied;
    to += copied;
    if (at == end || *at == '<') break;
    const char c = *at;
    if (is_css_blank(c)) {
      while (at < end && is_css_blank(*at)) ++at;
      if (!after_blank()) *to++ = ' ';
    } else if (c == '&') {
      at_ = at;
      out.to = to;
      read_entity_text(out);
      at = at_;
      to = out.to;
    } else if (c == '\xC2') {
      if (end - at > 1 && at[1] == '\xA0') {
        if (!after_blank()) *to++ = ' ';
      } else {
        to[0] = c;
        to[1] = end - at > 1 ? at[1] : ' ';
        to += 2;
      }
      at += std::min<std::ptrdiff_t>(2, end - at);
    } else {
      if (c == 0)
        flag(HtmlFlag::kNulByte);
      else
        *to++ = c;
      ++at;
    }
  }
  at_ = at;
  out.to = to;
  if (hidden_) note_hidden_text(from);
}

void HtmlParser::read_text_pre(HtmlSink& out) {
  while (at_ < end_ && *at_ != '<') {
    const char c = *at_;
    if (c == '&') {
      read_entity_text(out);
      continue;
    }
    ++at_;
    if (c == 0)
      flag(HtmlFlag::kNulByte);
    else if (c == '\n' && out.size() == 0)
      continue;
    else if (c != '\r')
      *out.to++ = c;
    else if (at_ == end_ || *at_ != '\n')
      *out.to++ = '\n';
  }
}

void HtmlParser::read_entity_text(HtmlSink& out) {
  const Entity entity = read_entity(view(at_, end_), false);
  if (entity.length == 0) {
    *out.to++ = *at_++;
    return;
  }
  at_ += entity.length;
  const uint32_t point = entity.first;
  if (point == ' ' || point == 0xA0 || (point >= '\t' && point <= '\r')) return out.blank();
  out.to += put_point(out.to, point);
  if (entity.second != 0) out.to += put_point(out.to, entity.second);
}

void HtmlParser::read_markup() {
  const char next = end_ - at_ > 1 ? at_[1] : '\0';
  if (is_letter(next)) return read_open_tag();
  if (next == '/') {
    if (end_ - at_ > 2 && is_letter(at_[2])) return read_close_tag();
    if (end_ - at_ > 2) return skip_bogus_comment();
  }
  if (next == '!') return read_declaration();
  if (next == '?') {
    if (end_ - at_ > 5 && same_folded({at_ + 2, 3}, "xml")) flag(HtmlFlag::kXml);
    return skip_bogus_comment();
  }
  // A lone '<' is text.
  if (!conditional_) *sink().to++ = '<';
  ++at_;
}

void HtmlParser::read_open_tag() {
  const char* const name = at_ + 1;
  const char* const name_end = find_name_end(name, end_, false);
  const std::string_view name_text = view(name, name_end);
  const HtmlTag tag = html_tag(name_text, end_);
  if (html_.tags >= limits_.html_tags_max) {
    limit(HtmlFlag::kTooManyTags);
    at_ = end_ = outer_end_;
    conditional_ = false;
    return;
  }
  ++html_.tags;
  if (tag == HtmlTag::kUnknown) {
    ++html_.unknown_tags;
    flag(HtmlFlag::kUnknownTag);
  } else {
    if (tag == HtmlTag::kHtml && has_tag(html_.tags_seen, tag)) flag(HtmlFlag::kDuplicateHtml);
    if (tag == HtmlTag::kHead && has_tag(html_.tags_seen, tag)) flag(HtmlFlag::kDuplicateHead);
    if (tag == HtmlTag::kBody && has_tag(html_.tags_seen, tag)) flag(HtmlFlag::kDuplicateBody);
    set_tag(html_.tags_seen, tag);
  }
  HtmlAttributes& attributes = room_.attributes;
  attributes.seen = 0;
  attributes.count = 0;
  attributes.names = 0;
  attributes.unclosed_quote = attributes.bad = attributes.self_closing = false;
  if (name_end < end_ && *name_end == '>') {
    at_ = name_end + 1;
  } else {
    const char* const after =
        read_attributes(name_end, end_, attributes_left_, quotes_, attributes);
    if (attributes.count > 0) {
      attributes_left_ -= attributes.count;
      if (attributes_left_ == 0) limit(HtmlFlag::kTooManyTags);
    }
    if (attributes.bad || attributes.unclosed_quote) flag(HtmlFlag::kBadAttribute);
    if (after == nullptr && !conditional_) flag(HtmlFlag::kUnclosedTag);
    if ((after == nullptr && !conditional_) || attributes.unclosed_quote) {
      batch_.facts[row_].faults.set(Fault::kHtmlBroken);
    }
    at_ = after == nullptr ? end_ : after;
  }
  const bool html = open_element(tag, name_text, attributes);
  if (html && (tag_traits(tag) & (kTagRaw | kTagRcdata))) read_raw(tag, name_text);
}

void HtmlParser::read_close_tag() {
  const char* const name = at_ + 2;
  const char* const name_end = find_name_end(name, end_, false);
  const HtmlTag tag = html_tag(view(name, name_end), end_);
  if (name_end < end_ && *name_end == '>') {
    at_ = name_end + 1;
  } else {
    // Attributes of a closing tag mean nothing, but a '>' in their quotes does not end it.
    HtmlAttributes& ignored = room_.attributes;
    ignored.seen = ignored.count = 0;
    const char* const after = read_attributes(name_end, end_, 0, quotes_, ignored);
    if (after == nullptr && !conditional_) {
      flag(HtmlFlag::kUnclosedTag);
      batch_.facts[row_].faults.set(Fault::kHtmlBroken);
    }
    at_ = after == nullptr ? end_ : after;
  }
  if (!conditional_) close_element(tag);
}

// "<!": a comment, a document type, or what browsers skip as if it were a comment (CDATA too).
void HtmlParser::read_declaration() {
  const std::string_view rest = view(at_ + 2, end_);
  if (rest.starts_with("--")) return read_comment();
  if (top().foreign && !conditional_ && rest.starts_with("[CDATA[")) return read_cdata();
  if (rest.size() >= 7 && same_folded(rest.substr(0, 7), "doctype")) flag(HtmlFlag::kDoctype);
  skip_bogus_comment();
}

void HtmlParser::skip_bogus_comment() {
  const char* const close = find_byte(at_, end_, '>');
  if (close == end_ && !conditional_) {
    flag(HtmlFlag::kUnclosedComment);
    batch_.facts[row_].faults.set(Fault::kHtmlBroken);
  }
  at_ = close == end_ ? end_ : close + 1;
}

// "<![CDATA[text]]>" of SVG or MathML.
void HtmlParser::read_cdata() {
  at_ += 9;
  const size_t close = view(at_, end_).find("]]>");
  const char* const whole_end = end_;
  if (close != std::string_view::npos) end_ = at_ + close;
  while (at_ < end_) {
    read_text();
    if (at_ < end_ && !top().mute) *sink().to++ = *at_;
    if (at_ < end_) ++at_;
  }
  if (close != std::string_view::npos) at_ += 3;
  end_ = whole_end;
}

// What stands in a <style>, <script> or <title> of SVG. The rules of such a <style> may show text.
void HtmlParser::read_mute_text() {
  const char* const from = at_;
  at_ = find_byte(at_, end_, '<');
  if (top().tag == HtmlTag::kStyle) room_.sheet.read(view(from, at_), false, quirks());
}

void HtmlParser::read_comment() {
  const char* const content = at_ + 4;
  const char* close = content;
  const char* content_end = end_;
  const char* after = end_;
  for (; (close = find_byte(close, end_, '>')) != end_; ++close) {
    const auto n = close - content;
    // "<!-->" and "<!--->" are whole comments.
    if (n == 0 || (n == 1 && *content == '-'))
      content_end = content;
    else if (n >= 2 && close[-1] == '-' && close[-2] == '-')
      content_end = close - 2;
    else if (n >= 3 && close[-1] == '!' && close[-2] == '-' && close[-3] == '-')
      content_end = close - 3;
    else
      continue;
    after = close + 1;
    break;
  }
  ++html_.comments;
  html_.comment_bytes += static_cast<uint32_t>(content_end - content);
  if (close == end_ && !conditional_) {
    flag(HtmlFlag::kUnclosedComment);
    batch_.facts[row_].faults.set(Fault::kHtmlBroken);
  }
  at_ = after;
  if (conditional_ || content_end - content < 4 || content[0] != '[' ||
      !same_folded({content + 1, 2}, "if")) {
    return;
  }
  // <!--[if mso]>markup<![endif]-->: shown by Outlook only. Its targets are collected.
  const char* const bracket = find_byte(content, content_end, ']');
  if (content_end - bracket < 2 || bracket[1] != '>') return;
  outer_end_ = end_;
  end_ = content_end;
  room_.after_conditional = after;
  room_.quotes_outside = quotes_;
  quotes_ = {};
  at_ = bracket + 2;
  conditional_ = true;
}

void HtmlParser::leave_conditional() {
  conditional_ = false;
  end_ = outer_end_;
  at_ = room_.after_conditional;
  quotes_ = room_.quotes_outside;
}

// What stands before "</name"; at_ moves to that. Where it never comes, `closed` is false and at_
// stays.
std::string_view HtmlParser::raw_content(std::string_view name, bool* closed) {
  const char* const from = at_;
  *closed = false;
  for (const char* open = from; (open = find_byte(open, end_, '<')) != end_; ++open) {
    const auto left = static_cast<size_t>(end_ - open);
    if (left < name.size() + 3 || open[1] != '/') continue;
    if (!is_html(open[2 + name.size()], kHtmlNameEnd)) continue;
    bool same = true;
    for (size_t i = 0; i < name.size() && same; ++i) same = ((open[2 + i] ^ name[i]) & ~0x20) == 0;
    if (!same) continue;
    *closed = true;
    at_ = open;
    return view(from, open);
  }
  return view(from, end_);
}

void HtmlParser::read_raw(HtmlTag tag, std::string_view name) {
  if (tag == HtmlTag::kTitle) return read_title(name);
  if (tag == HtmlTag::kTextarea || tag == HtmlTag::kXmp) {
    // Its text is shown; read as text up to the closing tag, tags in it are text too.
    bool& missing = tag == HtmlTag::kXmp ? no_xmp_end_ : no_textarea_end_;
    if (missing || conditional_) return;
    bool closed = false;
    const std::string_view content = raw_content(name, &closed);
    if (!closed) {
      missing = true;
      return;
    }
    const char* const resume = at_;
    const char* const whole_end = end_;
    at_ = content.data();
    end_ = resume;
    while (at_ < end_) {
      read_text();
      if (at_ < end_) *sink().to++ = *at_++;
    }
    end_ = whole_end;
    return;
  }
  bool closed = false;
  const std::string_view content = raw_content(name, &closed);
  if (!closed) {
    at_ = end_;
    if (!conditional_) {
      flag(HtmlFlag::kUnclosedTag);
      batch_.facts[row_].faults.set(Fault::kHtmlBroken);
    }
  }
  const auto bytes = static_cast<uint32_t>(content.size());
  if (tag == HtmlTag::kScript) html_.script_bytes += bytes;
  if (tag != HtmlTag::kStyle) return;
  html_.style_bytes += bytes;
  add_style_targets(content, conditional_);
  const std::string_view type = text_of(room_.attributes, HtmlAttribute::kType);
  if (conditional_ || open_[static_cast<size_t>(HtmlTag::kTemplate)] != 0 ||
      !(type.empty() || same_folded(type, "text/css"))) {
    return;
  }
  if (is_for_every_screen(text_of(room_.attributes, HtmlAttribute::kMedia))) {
    room_.sheet.read(content, true, quirks());
  }
}

// A title without an end takes what stands before the next tag: browsers would take all the rest,
// and filters before us might not.
void HtmlParser::read_title(std::string_view name) {
  bool closed = false;
  std::string_view content;
  if (!no_title_end_) content = raw_content(name, &closed);
  if (!closed) {
    no_title_end_ = true;
    const char* const from = at_;
    at_ = find_byte(at_, end_, '<');
    content = view(from, at_);
    batch_.facts[row_].faults.set(Fault::kHtmlBroken);
    flag(HtmlFlag::kUnclosedTag);
  }
  if (html_.title.empty()) html_.title = plain_text(content);
}

std::string_view HtmlParser::plain_text(std::string_view source) {
  char* const from = batch_.arena.alloc_bytes(source.size() + source.size() / 5 + 16);
  char* to = from;
  const char* at = source.data();
  const char* const end = at + source.size();
  const auto blank = [&] {
    if (to > from && to[-1] != ' ') *to++ = ' ';
  };
  while (at < end) {
    if (*at == '&') {
      const Entity entity = read_entity(view(at, end), false);
      if (entity.length > 0) {
        at += entity.length;
        if (entity.first <= ' ' || entity.first == 0xA0) {
          blank();
          continue;
        }
        to += put_point(to, entity.first);
        if (entity.second != 0) to += put_point(to, entity.second);
        continue;
      }
    }
    if (is_css_blank(*at) || *at == ' ')
      blank();
    else if (*at != 0)
      *to++ = *at;
    ++at;
  }
  if (to > from && to[-1] == ' ') --to;
  batch_.arena.shrink_to(to);
  return view(from, to);
}

}  // namespace winnow
