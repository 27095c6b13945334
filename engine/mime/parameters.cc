#include "engine/mime/parameters.h"

#include <algorithm>
#include <array>

#include "engine/ascii.h"
#include "engine/mime/comment.h"
#include "engine/mime/encoded_word.h"
#include "engine/text/charset.h"

namespace winnow {

namespace {

constexpr size_t kPiecesMax = 128;    // a long file name takes about 20
constexpr int kSectionMax = 100'000;  // higher numbers count as this one

constexpr bool blank(char c) { return c == ' ' || c == '\t'; }

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string_view trim_end(std::string_view text) {
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

// Reads one value from left to right; every byte is looked at a bounded number of times.
class Reader {
 public:
  Reader(std::string_view text, Arena& arena) : text_(text), arena_(arena) {}

  void type(MimeValue& value, bool with_subtype);
  // Reads the parameters into `pieces`.
  void parameters(std::vector<ParameterPiece>& pieces);
  bool broken() const { return broken_; }

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool done() const { return at_ >= text_.size(); }
  void skip_blanks();
  void skip_comment();
  std::string_view token(std::string_view stop);
  bool assignment_ahead(size_t at) const;
  void skip_doubled_signs();
  std::string_view unescaped(std::string_view inside);
  std::string_view quoted();
  size_t last_quote(size_t at) const;
  std::string_view unquoted();
  bool piece(ParameterPiece& piece, std::string_view& shorter);

  std::string_view text_;
  Arena& arena_;
  size_t at_ = 0;
  bool broken_ = false;
};

// Skips blanks and comments.
void Reader::skip_blanks() {
  while (!done()) {
    if (blank(peek()))
      ++at_;
    else if (peek() == '(')
      skip_comment();
    else
      return;
  }
}

// Skips the comment that starts here; an unclosed one runs to the end.
void Reader::skip_comment() {
  const size_t after = past_comment(text_, at_);
  broken_ |= after == std::string_view::npos;
  at_ = std::min(after, text_.size());
}

// Not stop.find(), which calls memchr for each character.
std::string_view Reader::token(std::string_view stop) {
  const size_t begin = at_;
  const auto stops = [stop](char c) {
    bool any = blank(c);
    for (const char one : stop) any |= c == one;
    return any;
  };
  while (!done() && !stops(text_[at_])) ++at_;
  return text_.substr(begin, at_ - begin);
}

void Reader::type(MimeValue& value, bool with_subtype) {
  skip_blanks();
  // Some senders quote the whole type, or put a colon for the semicolon.
  constexpr std::string_view kStop = "/;(\"=,:'<>";
  if (peek() == '"' || peek() == '\'' || peek() == '<') ++at_, value.broken = true;
  const std::string_view type = token(kStop);
  if (peek() == '=' && !type.empty()) {
    // No type at all: it begins with a parameter.
    at_ -= type.size();
    value.broken = true;
    return;
  }
  value.type = lowered(type, arena_);
  skip_blanks();
  if (with_subtype) {
    if (peek() == '/') {
      ++at_;
      skip_blanks();
      value.subtype = lowered(token(kStop), arena_);
    }
    if (value.type.empty() || value.subtype.empty()) value.broken = true;
  } else if (value.type.empty()) {
    value.broken = true;
  }
  // What follows the type up to the semicolon or a parameter is rubbish.
  skip_blanks();
  while (peek() == ':' || peek() == '"' || peek() == '\'' || peek() == '>')
    ++at_, value.broken = true;
  skip_blanks();
  while (!done() && peek() != ';' && !assignment_ahead(at_)) {
    value.broken = true;
    if (token(";").empty()) ++at_;
    skip_blanks();
  }
}

// Whether NAME= stands at `at`.
bool Reader::assignment_ahead(size_t at) const {
  const size_t begin = at;
  while (at < text_.size() && text_[at] > ' ' && text_[at] != '=' && text_[at] != ';' &&
         text_[at] != '"' && text_[at] != '?' && text_[at] != ',' && text_[at] != '(')
    ++at;
  return at > begin && at < text_.size() && text_[at] == '=';
}

// In NAME=="x" and NAME=""x"" one sign of each counts; "" with nothing behind it is an empty value.
void Reader::skip_doubled_signs() {
  const size_t begin = at_;
  size_t quote = at_;
  while (quote < text_.size() && text_[quote] == '=') ++quote;
  if (quote == text_.size() || text_[quote] != '"') return;
  at_ = quote;
  size_t after = quote;
  while (after < text_.size() && text_[after] == '"') ++after;
  const bool value_behind = after < text_.size() && text_[after] != ';' && !blank(text_[after]);
  if (after > quote + 1 && value_behind && !assignment_ahead(after)) at_ = after - 1;
  broken_ |= at_ != begin;
}

// Whether an escape stands at `at` of a quoted string. Only \" and \\ are any: senders write
// Windows paths as they are.
bool is_escape(std::string_view text, size_t at) {
  return text[at] == '\\' && at + 1 < text.size() && (text[at + 1] == '"' || text[at + 1] == '\\');
}

std::string_view Reader::unescaped(std::string_view inside) {
  if (inside.find('\\') == std::string_view::npos) return inside;
  ArenaText out(arena_, inside.size());
  for (size_t i = 0; i < inside.size(); ++i) {
    if (is_escape(inside, i)) ++i;
    out.push(inside[i]);
  }
  return out.finish();
}

// A quoted string up to its first quote.
std::string_view Reader::quoted() {
  const size_t begin = ++at_;
  while (!done() && peek() != '"') at_ += is_escape(text_, at_) ? 2 : 1;
  const std::string_view inside = text_.substr(begin, at_ - begin);
  if (done())
    broken_ = true;
  else
    ++at_;
  return unescaped(inside);
}

// Behind an inner quote, of a string with quotes inside that nobody escaped: its last quote, npos
// where what follows is rubbish. Outside of inner quotes the parameter ends as ever. Linear for all
// of a value: a search that fails ends within the next parameter with an odd number of quotes.
size_t Reader::last_quote(size_t at) const {
  for (bool inner = false; at < text_.size(); ++at) {
    if (is_escape(text_, at)) {
      ++at;
    } else if (text_[at] == '"') {
      size_t after = at + 1;
      while (after < text_.size() && blank(text_[after])) ++after;
      if (after == text_.size() || text_[after] == ';' || assignment_ahead(after)) return at;
      inner = !inner;
    } else if (!inner && (text_[at] == ';' || (blank(text_[at - 1]) && assignment_ahead(at)))) {
      break;
    }
  }
  return std::string_view::npos;
}

// Runs to the semicolon. Inner blanks belong to it, unless NAME= or a last comment follows.
std::string_view Reader::unquoted() {
  const size_t begin = at_;
  bool comment_tried = false;
  while (!done() && peek() != ';') {
    if (!blank(peek())) {
      ++at_;
      continue;
    }
    const size_t end = at_;
    while (blank(peek())) ++at_;
    if (done() || peek() == ';') return text_.substr(begin, end - begin);
    if (assignment_ahead(at_)) {
      broken_ = true;
      return text_.substr(begin, end - begin);
    }
    if (peek() == '(' && !comment_tried) {
      comment_tried = true;
      const size_t open = at_;
      const bool was_broken = broken_;
      skip_blanks();
      if (done() || peek() == ';' || assignment_ahead(at_)) return text_.substr(begin, end - begin);
      at_ = open;
      broken_ = was_broken;
    }
    broken_ = true;
  }
  return text_.substr(begin, at_ - begin);
}

// Splits NAME*N* and lower-cases it.
void split_name(ParameterPiece& piece) {
  if (piece.name.ends_with('*')) {
    piece.extended = true;
    piece.name.remove_suffix(1);
  }
  const size_t star = piece.name.rfind('*');
  if (star == std::string_view::npos || star + 1 == piece.name.size()) return;
  int section = 0;
  for (char c : piece.name.substr(star + 1)) {
    if (c < '0' || c > '9') return;
    section = std::min(section * 10 + (c - '0'), kSectionMax);
  }
  piece.section = section;
  piece.name = piece.name.substr(0, star);
}

// `shorter` is the text up to the first quote, where the piece has more.
bool Reader::piece(ParameterPiece& piece, std::string_view& shorter) {
  piece.name = token("=;\"(");
  skip_blanks();
  if (peek() != '=' || piece.name.empty()) {
    broken_ = true;
    if (piece.name.empty() && !done() && peek() != ';') ++at_;
    return false;
  }
  ++at_;
  skip_blanks();
  skip_doubled_signs();
  if (peek() == '"') {
    const size_t begin = at_ + 1;
    piece.text = quoted();
    const size_t first_end = at_;
    skip_blanks();
    if (!done() && peek() != ';') {
      broken_ = true;
      const size_t last = assignment_ahead(at_) ? std::string_view::npos : last_quote(first_end);
      if (last != std::string_view::npos) {
        const std::string_view inside = text_.substr(begin, last - begin);
        const std::string_view longer = inside.substr(0, inside.find_last_not_of('"') + 1);
        at_ = last + 1;
        skip_blanks();
        if (longer.size() > first_end - 1 - begin) {
          shorter = piece.text;
          piece.text = unescaped(longer);
        }
      }
      while (!done() && peek() != ';' && !assignment_ahead(at_)) {
        if (token(";").empty()) ++at_;
        skip_blanks();
      }
    }
  } else {
    piece.text = trim_end(unquoted());
  }
  piece.name = lowered(piece.name, arena_);
  split_name(piece);
  return true;
}

void Reader::parameters(std::vector<ParameterPiece>& pieces) {
  pieces.clear();
  while (true) {
    skip_blanks();
    while (peek() == ';' && !done()) ++at_, skip_blanks();
    if (done()) return;
    if (pieces.size() == kPiecesMax) {
      broken_ = true;
      return;
    }
    ParameterPiece next;
    std::string_view shorter;
    if (!piece(next, shorter)) continue;
    pieces.push_back(next);
    if (shorter.empty() || pieces.size() == kPiecesMax) continue;
    next.text = shorter;
    pieces.push_back(next);
  }
}

// Undoes %XX, also where a section ends within it.
struct PercentText {
  ArenaText& out;
  bool& broken;
  char held[2] = {};  // "%", or "%" and the first digit
  size_t held_count = 0;

  void push(char c);
  void append(std::string_view text) {
    for (const char c : text) push(c);
  }
  // What is no escape stays as it is written.
  void end() {
    if (held_count > 0) broken = true;
    out.append({held, held_count});
    held_count = 0;
  }
};

void PercentText::push(char c) {
  if (held_count > 0 && hex_value(c) < 0) end();
  if (held_count == 0 && c != '%') return out.push(c);
  if (held_count < 2) {
    held[held_count++] = c;
    return;
  }
  out.push(static_cast<char>(hex_value(held[1]) << 4 | hex_value(c)));
  held_count = 0;
}

struct Join {
  const Limits& limits;
  HeaderScratch& scratch;
  Arena& arena;
  Faults& faults;
  bool broken = false;

  MimeParameter parameter(std::string_view name);
  MimeParameter join(std::span<ParameterPiece* const> pieces);
  std::span<ParameterPiece*> in_order(std::span<ParameterPiece*> sections);
  MimeParameter one(ParameterPiece& piece);
  void plain(MimeParameter& parameter);
};

void Join::plain(MimeParameter& parameter) {
  parameter.value = decode_header_text(parameter.raw, limits, scratch, arena, faults).text;
}

MimeParameter Join::one(ParameterPiece& piece) {
  ParameterPiece* const pieces[] = {&piece};
  if (piece.extended) return join(pieces);
  MimeParameter parameter;
  parameter.raw = piece.text;
  plain(parameter);
  return parameter;
}

// Joins pieces in the order in which they stand here and decodes them.
MimeParameter Join::join(std::span<ParameterPiece* const> pieces) {
  MimeParameter parameter;
  std::string_view label, begin = pieces.front()->text;
  if (pieces.front()->extended) {
    const size_t quote = begin.find('\'');
    const size_t second = quote == std::string_view::npos ? quote : begin.find('\'', quote + 1);
    if (second == std::string_view::npos) {
      broken = true;
    } else {
      label = begin.substr(0, quote);
      begin.remove_prefix(second + 1);
    }
  }
  bool extended = false;
  ArenaText out(arena, 128);
  PercentText percent{out, broken};
  for (const ParameterPiece* piece : pieces) {
    const std::string_view text = piece == pieces.front() ? begin : piece->text;
    extended |= piece->extended;
    if (piece->extended) {
      percent.append(text);
    } else {
      percent.end();
      out.append(text);
    }
  }
  percent.end();
  parameter.raw = out.finish();
  if (!extended) {
    plain(parameter);
    return parameter;
  }
  bool fits = true;
  Faults found;
  parameter.value =
      labelled_to_utf8(label.empty() ? "utf-8" : label, parameter.raw, scratch, arena, fits, found);
  if (!fits || found.any()) broken = true;
  return parameter;
}

// Sorts sections by their numbers; of two with one number the first stays.
std::span<ParameterPiece*> Join::in_order(std::span<ParameterPiece*> sections) {
  std::ranges::sort(sections, [](const ParameterPiece* a, const ParameterPiece* b) {
    return a->section != b->section ? a->section < b->section : a < b;
  });
  // Not std::ranges::unique: clang 14 does not compile this library's.
  const auto end = std::unique(
      sections.begin(), sections.end(),
      [](const ParameterPiece* x, const ParameterPiece* y) { return x->section == y->section; });
  const std::span<ParameterPiece*> left(sections.begin(), end);
  broken |= left.size() < sections.size();
  for (size_t i = 0; i < left.size(); ++i) broken |= left[i]->section != static_cast<int32_t>(i);
  return left;
}

// Makes one parameter of all pieces called `name`; which of them counts: see parameters.h.
MimeParameter Join::parameter(std::string_view name) {
  std::array<ParameterPiece*, kPiecesMax> sections;
  size_t count = 0;
  ParameterPiece* whole = nullptr;
  ParameterPiece* simple = nullptr;
  ParameterPiece* last_whole = nullptr;
  ParameterPiece* last_simple = nullptr;
  for (ParameterPiece& piece : scratch.pieces) {
    if (piece.used || piece.name != name) continue;
    piece.used = true;
    if (piece.section >= 0) {
      sections[count++] = &piece;
      continue;
    }
    ParameterPiece*& place = piece.extended ? whole : simple;
    broken |= place != nullptr;
    if (place == nullptr) place = &piece;
    (piece.extended ? last_whole : last_simple) = &piece;
  }
  const std::span<ParameterPiece*> joined = in_order(std::span(sections).first(count));
  const bool joined_wins =
      whole == nullptr && !joined.empty() && (simple == nullptr || joined.front()->section == 0);
  ParameterPiece* const winner = joined_wins ? nullptr : whole != nullptr ? whole : simple;
  MimeParameter parameter = joined_wins ? join(joined) : one(*winner);
  parameter.name = name;
  // Nothing is wrong with a value that does not count.
  const bool was_broken = broken;
  const Faults were = faults;
  const auto keep_other = [&](const MimeParameter& other) {
    if (other.raw == parameter.raw) return;
    parameter.other_raw = other.raw;
    parameter.other = other.value;
  };
  for (ParameterPiece* const other : {simple, last_simple, last_whole})
    if (other != nullptr && other != winner && parameter.other_raw.empty()) keep_other(one(*other));
  if (!joined_wins && !joined.empty() && parameter.other_raw.empty()) keep_other(join(joined));
  broken = was_broken;
  faults = were;
  return parameter;
}

MimeValue parse_value(std::string_view unfolded, bool with_subtype, const Limits& limits,
                      HeaderScratch& scratch, Arena& arena, Faults& faults) {
  MimeValue value;
  Reader reader(unfolded, arena);
  reader.type(value, with_subtype);
  reader.parameters(scratch.pieces);
  Join join{limits, scratch, arena, faults};
  const std::span<MimeParameter> found = arena.alloc<MimeParameter>(scratch.pieces.size());
  size_t count = 0;
  for (size_t i = 0; i < scratch.pieces.size(); ++i)
    if (!scratch.pieces[i].used) found[count++] = join.parameter(scratch.pieces[i].name);
  value.parameters = found.first(count);
  if (reader.broken() || join.broken) faults.set(Fault::kParameterBroken);
  return value;
}

}  // namespace

const MimeParameter* MimeValue::find(std::string_view name) const {
  for (const MimeParameter& parameter : parameters)
    if (parameter.name == name) return &parameter;
  return nullptr;
}

std::string_view MimeValue::value(std::string_view name) const {
  const MimeParameter* const parameter = find(name);
  return parameter != nullptr ? parameter->value : std::string_view{};
}

std::string_view MimeValue::raw(std::string_view name) const {
  const MimeParameter* const parameter = find(name);
  return parameter != nullptr ? parameter->raw : std::string_view{};
}

bool MimeValue::has(std::string_view name) const { return find(name) != nullptr; }

MimeValue parse_content_type(std::string_view unfolded, const Limits& limits,
                             HeaderScratch& scratch, Arena& arena, Faults& faults) {
  const MimeValue value = parse_value(unfolded, true, limits, scratch, arena, faults);
  if (value.broken) faults.set(Fault::kContentTypeBroken);
  return value;
}

MimeValue parse_disposition(std::string_view unfolded, const Limits& limits, HeaderScratch& scratch,
                            Arena& arena, Faults& faults) {
  return parse_value(unfolded, false, limits, scratch, arena, faults);
}

}  // namespace winnow
