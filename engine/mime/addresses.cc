#include "engine/mime/addresses.h"

#include <algorithm>

#include "engine/ascii.h"
#include "engine/mime/addr_spec.h"
#include "engine/mime/comment.h"
#include "engine/mime/encoded_word.h"
#include "engine/mime/header_names.h"
#include "engine/text/utf8.h"

namespace winnow {

namespace {

constexpr size_t kNone = std::string_view::npos;

constexpr bool blank(char c) { return c == ' ' || c == '\t'; }

// Whether one of `signs` is in `text`. Not find_first_of(), which calls memchr
// for each character.
template <size_t N>
bool has_any(std::string_view text, const char (&signs)[N]) {
  for (char c : text)
    for (size_t i = 0; i + 1 < N; ++i)
      if (c == signs[i]) return true;
  return false;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

// One past the encoded word (RFC 2047 2) at `at`, as senders write it: with "?" and specials in its
// text, but no blank; `at` itself where none stands there. The walk ends at the "=?" of the next
// word: nothing is looked at by more than one of them.
size_t past_encoded_word(std::string_view text, size_t at) {
  if (!text.substr(at).starts_with("=?")) return at;
  size_t marks = 0;  // "?" after the charset, after the encoding, in the text
  size_t mark = at + 1;
  for (size_t i = at + 2; i < text.size() && !blank(text[i]); ++i) {
    if (text[i] != '?') continue;
    if (marks == 1 && i != mark + 2) return at;  // the encoding is one letter
    if (marks >= 2 && i + 1 < text.size() && text[i + 1] == '=') return i + 2;
    if (text[i - 1] == '=') return at;
    mark = i;
    ++marks;
  }
  return at;
}

// The address without brackets that enclose nothing: half of a pair, or a pair of "[". Those of a
// literal (RFC 5321 4.1.3) stay.
std::string_view without_strays(std::string_view spec, bool& broken) {
  const size_t written = spec.size();
  const auto bracket = [](char c) { return c == '<' || c == '>' || c == '[' || c == ']'; };
  while (!spec.empty() && bracket(spec.front())) spec.remove_prefix(1);
  const bool literal = spec.find("@[") != kNone;
  while (!spec.empty() && bracket(spec.back()) && !(literal && spec.back() == ']'))
    spec.remove_suffix(1);
  broken |= spec.size() != written;
  return spec;
}

class Scanner {
 public:
  Scanner(std::string_view text, AddressField field, uint32_t header, const Limits& limits,
          HeaderScratch& scratch, uint32_t row, Batch& batch)
      : text_(text),
        last_semicolon_(text.rfind(';')),
        last_open_(text.rfind('<')),
        field_(field),
        header_(header),
        limits_(limits),
        scratch_(scratch),
        batch_(batch),
        faults_(batch.facts[row].faults) {}

  void run();

 private:
  struct Entry {
    size_t begin = 0;
    size_t open = kNone;   // of "<"
    size_t close = kNone;  // of ">", or where it should stand
    Range comment;         // inside of the last comment
    bool has_comment = false;
    bool ats = false;  // has "@" outside of quotes, comments and brackets
    bool broken = false;
  };

  void step(char c);
  size_t past_quoted(size_t at);
  size_t past_comment(size_t at);
  size_t past_gap(size_t at, size_t end);
  size_t past_piece(size_t at);
  bool dots_join(size_t at, size_t end);
  void angle();
  void colon();
  bool comma_in_name() const;
  size_t close_of_local() const;
  void start(size_t at) { entry_ = Entry{.begin = at, .comment = {}}; }
  void finish();
  void finish_bare();
  void add(std::string_view spec, std::string_view name, bool broken);
  std::string_view phrase(size_t begin, size_t end);
  std::string_view comment_name();
  std::string_view decoded(std::string_view text);
  bool full();

  std::string_view text_;
  size_t at_ = 0;
  size_t quotes_off_ = kNone;    // a quote that never closes: from here on '"' is a letter
  size_t comments_off_ = kNone;  // the same of '('
  size_t last_semicolon_, last_open_;
  bool in_group_ = false;
  bool stop_ = false;
  Entry entry_;

  AddressField field_;
  uint32_t header_;
  const Limits& limits_;
  HeaderScratch& scratch_;
  Batch& batch_;
  Faults& faults_;
};

// One past the quoted string at `at`. A quote that never closes counts as a
// letter, and so do all after it: each is searched once.
size_t Scanner::past_quoted(size_t at) {
  if (at >= quotes_off_) return at + 1;
  for (size_t i = at + 1; i < text_.size(); ++i) {
    if (text_[i] == '"') return i + 1;
    if (text_[i] == '\\') ++i;
  }
  quotes_off_ = at;
  entry_.broken = true;
  return at + 1;
}

// One past the comment at `at`, or past its "(" where it never closes.
size_t Scanner::past_comment(size_t at) {
  if (at >= comments_off_) return at + 1;
  const size_t after = winnow::past_comment(text_, at);
  if (after != std::string_view::npos) return after;
  comments_off_ = at;
  entry_.broken = true;
  return at + 1;
}

// One past the blanks and comments at `at`.
size_t Scanner::past_gap(size_t at, size_t end) {
  while (at < end && (blank(text_[at]) || (text_[at] == '(' && at < comments_off_)))
    at = blank(text_[at]) ? at + 1 : past_comment(at);
  return std::min(at, end);
}

// One past the quoted string, encoded word or letter at `at`.
size_t Scanner::past_piece(size_t at) {
  return text_[at] == '"' ? past_quoted(at) : std::max(past_encoded_word(text_, at), at + 1);
}

// Whether what stands before the first "@" is one local part: words that "." joins, whatever blanks
// and comments are beside it (RFC 5322 4.4).
bool Scanner::dots_join(size_t at, size_t end) {
  at = past_gap(at, end);
  for (char last = '.'; at < end && text_[at] != '@';) {
    const size_t next = past_gap(at, end);
    const char follows = next < end ? text_[next] : '\0';
    if (next > at && last != '.' && follows != '.' && follows != '@') return false;
    if (next > at) {
      at = next;
      continue;
    }
    last = text_[at];
    at = past_piece(at);
  }
  return true;
}

bool Scanner::full() {
  if (batch_.addresses.open_row().size() < limits_.addresses_max) return false;
  faults_.set(Fault::kLimitAddresses);
  stop_ = true;
  return true;
}

std::string_view Scanner::decoded(std::string_view text) {
  if (!needs_decoding(text)) return trim(text);
  return trim(decode_header_text(text, limits_, scratch_, batch_.arena, faults_).text);
}

// The display name in [begin, end): quotes and comments gone, blanks one, then
// decoded.
std::string_view Scanner::phrase(size_t begin, size_t end) {
  std::string_view text = trim(text_.substr(begin, end - begin));
  if (!has_any(text, "\"\\(\t")) return decoded(text);
  if (text.size() > 1 && text.front() == '"' && text.back() == '"') {
    const std::string_view inside = text.substr(1, text.size() - 2);
    if (!has_any(inside, "\"\\")) return decoded(inside);
  }
  ArenaText out(batch_.arena, text.size());
  for (size_t i = static_cast<size_t>(text.data() - text_.data()), last = i + text.size();
       i < last;) {
    const char c = text_[i];
    if (const size_t word = std::min(past_encoded_word(text_, i), last); word > i) {
      for (; i < word; ++i) out.push(text_[i]);
    } else if (c == '"' && i < quotes_off_) {
      const size_t close = past_quoted(i) - 1;
      for (++i; i < close; ++i) {
        if (text_[i] == '\\' && i + 1 < close) ++i;
        out.push(text_[i]);
      }
      i = close + 1;
    } else if (c == '(' && i < comments_off_) {
      i = past_comment(i);
    } else if (blank(c)) {
      if (out.size() > 0 && out.view().back() != ' ') out.push(' ');
      ++i;
    } else {
      if (c == '\\' && i + 1 < last) ++i;
      out.push(text_[i++]);
    }
  }
  return decoded(out.finish());
}

// RFC 822 style: "user@host (Name)".
std::string_view Scanner::comment_name() {
  if (!entry_.has_comment) return {};
  std::string_view text = text_.substr(entry_.comment.begin, entry_.comment.size());
  if (text.find('\\') == kNone) return decoded(text);
  ArenaText out(batch_.arena, text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    out.push(text[i]);
  }
  return decoded(out.finish());
}

// Adds one address; `spec` is undecoded text.
void Scanner::add(std::string_view spec, std::string_view name, bool broken) {
  if (full()) return;
  spec = without_strays(trim(spec), broken);
  Address address;
  address.field = field_;
  address.group = in_group_;
  address.header = header_;
  address.name = name;
  address.raw = trim(text_.substr(entry_.begin, at_ - entry_.begin));
  if (needs_decoding(spec) && (!is_utf8(spec) || spec.find('\0') != kNone)) {
    broken = true;
    spec = decoded(spec);
  }
  if (field_ == AddressField::kListId) {
    // RFC 2919: a list's name in brackets, with dots and without "@".
    parse_addr_spec(spec, batch_.arena, address);
    if (address.domain.empty()) {
      address.domain = address.address = lowered_copy(address.address, batch_.arena);
      address.local = {};
    }
    address.valid = !broken && address.domain.find('.') != kNone;
  } else {
    parse_addr_spec(spec, batch_.arena, address);
    const bool null_sender = spec.empty() && field_ == AddressField::kReturnPath;
    address.valid = (address.valid || null_sender) && !broken;
  }
  if (!address.valid) faults_.set(Fault::kAddressBroken);
  batch_.addresses.values.push_back(address);
}

// An entry without "<": an address with or without comments, words with an
// address among them (the brackets are missing), or only a name.
void Scanner::finish_bare() {
  const std::string_view raw = trim(text_.substr(entry_.begin, at_ - entry_.begin));
  if (!entry_.ats) {
    const std::string_view name = phrase(entry_.begin, at_);
    if (!name.empty()) add({}, name, field_ != AddressField::kListId);
    return;
  }
  if (!has_any(raw, " \t(")) {
    add(raw, {}, entry_.broken);
    return;
  }
  // Tokens are cut at blanks, but not at those beside "@", nor at those beside "." in a domain or
  // in a local part that has no name before it.
  const bool joined = dots_join(entry_.begin, at_);
  size_t tokens = 0, addresses = 0;
  std::string_view first, before;
  const size_t end = at_;
  for (size_t i = entry_.begin; i < end && !stop_;) {
    const size_t begin = i;
    bool ats = false;
    char last = '\0';
    while (i < end) {
      const char c = text_[i];
      if (blank(c) || c == '(') {
        const size_t next = past_gap(i, end);
        const char follows = next < end ? text_[next] : '\0';
        const bool glued =
            last == '@' || follows == '@' || ((ats || joined) && (last == '.' || follows == '.'));
        if (next > i && (last == '\0' || !glued)) break;
        if (next > i) {
          i = next;
          continue;
        }
      }
      ats = ats || c == '@';
      last = c;
      i = past_piece(i);
    }
    if (last != '\0') {
      ++tokens;
      const std::string_view token = text_.substr(begin, std::min(i, end) - begin);
      if (ats && ++addresses == 1) {
        first = token;
        before = trim(text_.substr(entry_.begin, begin - entry_.begin));
      } else if (ats) {
        if (addresses == 2) add(first, {}, true);
        add(token, {}, true);
      }
    }
    i = past_gap(i, end);
  }
  if (addresses != 1) return;
  const bool alone = tokens == 1;
  const size_t begin = entry_.begin;
  add(first, alone ? comment_name() : phrase(begin, begin + before.size()),
      entry_.broken || !alone);
}

void Scanner::finish() {
  if (entry_.open != kNone) {
    const std::string_view spec = text_.substr(entry_.open + 1, entry_.close - entry_.open - 1);
    std::string_view name = phrase(entry_.begin, entry_.open);
    while (name.ends_with(',') || (entry_.broken && name.ends_with('<')))
      name = trim(name.substr(0, name.size() - 1));
    if (name.empty()) name = comment_name();
    const size_t after = std::min(entry_.close + 1, at_);
    if (spec.find('@') == kNone && text_.substr(after, at_ - after).find('@') != kNone) {
      // "<Name> user@host": the brackets are around the wrong thing.
      if (name.empty()) name = phrase(entry_.open + 1, entry_.close);
      add(text_.substr(after, at_ - after), name, true);
      return;
    }
    add(spec, name, entry_.broken);
  } else if (at_ > entry_.begin) {
    finish_bare();
  }
}

// The ">" behind a comma as in "<john,doe@host>", where it is a letter of one address; kNone where
// it ends an unclosed one. Ends before the next "<": nothing is looked at twice.
size_t Scanner::close_of_local() const {
  bool ats = false;
  for (size_t i = at_ + 1; i < text_.size(); ++i) {
    const char c = text_[i];
    if (c == '>') return ats ? i : kNone;
    if (blank(c) || c == '<' || c == '"' || c == '(' || c == ':' || c == ';') return kNone;
    if (c == ',' && ats) return kNone;
    ats = ats || c == '@';
  }
  return kNone;
}

// At "<": reads to ">", or to what shows that it is missing.
void Scanner::angle() {
  if (entry_.open != kNone) {
    // A second address in one entry: the comma is missing.
    entry_.broken = true;
    finish();
    start(at_);
    entry_.broken = true;
  }
  entry_.open = at_++;
  bool route = false, content = false, ats = false;
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c == '>') {
      entry_.close = at_++;
      return;
    }
    if (c == '<') {
      entry_.broken = true;
      entry_.open = at_;
      content = route = ats = false;
    }
    if (!content && c == '@') route = true;
    if (!blank(c) && c != '<') content = true;
    if (c == '@') ats = true;
    if (c == ',' && !route) {
      const size_t close = ats ? kNone : close_of_local();
      if (close == kNone) break;
      entry_.broken = true;
      entry_.close = close;
      at_ = close + 1;
      return;
    }
    if (c == ';') break;
    if (c == '"')
      at_ = past_quoted(at_);
    else if (c == '(')
      at_ = past_comment(at_);
    else
      ++at_;
  }
  entry_.close = at_;
  entry_.broken = true;
}

// A group begins if there is a semicolon to end it; after an address the colon
// is a letter.
void Scanner::colon() {
  const bool group = !in_group_ && !entry_.ats && entry_.open == kNone &&
                     last_semicolon_ != kNone && last_semicolon_ > at_;
  ++at_;
  if (!group) return;
  in_group_ = true;
  start(at_);
}

// "Doe, John <john@example.com>" in a header of one mailbox: the comma lacks
// its quotes. What stands before it has no address and a "<" is still to come.
bool Scanner::comma_in_name() const {
  const bool one_mailbox = field_ == AddressField::kFrom || field_ == AddressField::kSender ||
                           field_ == AddressField::kReplyTo || field_ == AddressField::kResentFrom;
  return one_mailbox && !entry_.ats && entry_.open == kNone && last_open_ != kNone &&
         last_open_ > at_ && !trim(text_.substr(entry_.begin, at_ - entry_.begin)).empty();
}

void Scanner::step(char c) {
  switch (c) {
    case '"':
      at_ = past_quoted(at_);
      break;
    case '(': {
      const size_t end = past_comment(at_);
      if (end > at_ + 1) {
        entry_.comment = {static_cast<uint32_t>(at_ + 1), static_cast<uint32_t>(end - 1)};
        entry_.has_comment = true;
      }
      at_ = end;
      break;
    }
    case '<':
      angle();
      break;
    case ':':
      colon();
      break;
    case ',':
      if (comma_in_name()) {
        faults_.set(Fault::kAddressBroken);
        ++at_;
        break;
      }
      [[fallthrough]];
    case ';':
      finish();
      if (c == ';') in_group_ = false;
      start(++at_);
      break;
    case '=':
      if (entry_.close != kNone) entry_.broken = true;
      at_ = past_piece(at_);
      break;
    case '\\':
      at_ = std::min(at_ + 2, text_.size());
      break;
    default:
      // Text after ">" that is no comment.
      if (entry_.close != kNone && !blank(c)) entry_.broken = true;
      if (c == '@') entry_.ats = true;
      ++at_;
  }
}

void Scanner::run() {
  while (at_ < text_.size() && !stop_) step(text_[at_]);
  if (stop_) return;
  finish();
  if (in_group_) faults_.set(Fault::kAddressBroken);
}

}  // namespace

AddressField address_field(HeaderId id) {
  switch (index(id)) {
    case known::kFrom:
      return AddressField::kFrom;
    case known::kSender:
      return AddressField::kSender;
    case known::kReplyTo:
      return AddressField::kReplyTo;
    case known::kTo:
      return AddressField::kTo;
    case known::kCc:
      return AddressField::kCc;
    case known::kBcc:
      return AddressField::kBcc;
    case known::kReturnPath:
      return AddressField::kReturnPath;
    case known::kErrorsTo:
      return AddressField::kErrorsTo;
    case known::kDispositionNotificationTo:
      return AddressField::kDispositionNotificationTo;
    case known::kResentFrom:
      return AddressField::kResentFrom;
    case known::kResentTo:
      return AddressField::kResentTo;
    case known::kDeliveredTo:
      return AddressField::kDeliveredTo;
    case known::kListId:
      return AddressField::kListId;
    default:
      return AddressField::kCount;
  }
}

void parse_addresses(std::string_view unfolded, AddressField field, uint32_t header,
                     const Limits& limits, HeaderScratch& scratch, uint32_t row, Batch& batch) {
  Scanner(unfolded, field, header, limits, scratch, row, batch).run();
}

Address parse_one_address(std::string_view text, Arena& arena) {
  Address address;
  text = trim(text);
  address.raw = text;
  if (text.size() >= 2 && text.front() == '<' && text.back() == '>')
    text = text.substr(1, text.size() - 2);
  parse_addr_spec(text, arena, address);
  return address;
}

}  // namespace winnow
