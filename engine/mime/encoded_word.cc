#include "engine/mime/encoded_word.h"

#include <array>
#include <cstring>

#include "engine/text/utf8.h"

namespace winnow {

namespace {

constexpr size_t kNone = std::string_view::npos;
constexpr size_t kCharsetBytesMax = 80;  // of a label with its language; bounds each attempt

constexpr bool blank(char c) { return c == ' ' || c == '\t'; }

constexpr std::array<int8_t, 256> kBase64 = [] {
  std::array<int8_t, 256> table{};
  table.fill(-1);
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < kDigits.size(); ++i)
    table[static_cast<uint8_t>(kDigits[i])] = static_cast<int8_t>(i);
  return table;
}();

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

struct Word {
  std::string_view label;  // charset without language
  std::string_view text;
  size_t end = 0;  // one past the word
  bool base64 = false;
  bool broken = false;
};

// Finds words in one header. Positions that are asked for only grow, so the next "?=" and "=?"
// are remembered: each byte is searched once, however many words never end.
class WordFinder {
 public:
  explicit WordFinder(std::string_view text)
      : text_(text),
        start_(text.find("=?")),
        end_(start_ == kNone ? kNone : text.find("?=", start_)) {}

  size_t next_start(size_t from) { return next("=?", from, start_); }
  // The word that starts at `at`, where "=?" stands; false if it is none.
  bool word(size_t at, Word& word);

 private:
  // Length of "=?charset?e?" at `at`, 0 if something else stands there.
  size_t prefix(size_t at) const;
  size_t next(std::string_view what, size_t from, size_t& memo) const {
    if (memo == kNone || memo >= from) return memo;
    return memo = text_.find(what, from);
  }
  size_t next_end(size_t from) { return next("?=", from, end_); }
  size_t end_of_text(size_t begin);

  std::string_view text_;
  size_t start_, end_;
};

size_t WordFinder::prefix(size_t at) const {
  size_t i = at + 2;
  const size_t limit = std::min(text_.size(), i + kCharsetBytesMax);
  while (i < limit && text_[i] != '?' && text_[i] > ' ' && text_[i] != '=') ++i;
  if (i + 2 >= text_.size() || text_[i] != '?' || text_[i + 2] != '?') return 0;
  const char encoding = static_cast<char>(text_[i + 1] | 0x20);
  return encoding == 'q' || encoding == 'b' ? i + 3 - at : 0;
}

// Position of the "?=" that ends a Q text at `begin`: not one that is a literal '?' before an
// escape ("What?=20now?="), which has two hex digits and goes on to another "?=".
size_t WordFinder::end_of_text(size_t begin) {
  size_t end = next_end(begin);
  while (end != kNone && end + 3 < text_.size() && hex_value(text_[end + 2]) >= 0 &&
         hex_value(text_[end + 3]) >= 0) {
    size_t i = end + 4;
    while (i < text_.size() && !blank(text_[i]) && text_[i] != '?') ++i;
    if (i + 1 >= text_.size() || text_[i] != '?' || text_[i - 1] == '=') break;
    end = next_end(i);
    if (end != i) break;
  }
  return end;
}

bool WordFinder::word(size_t at, Word& word) {
  const size_t size = prefix(at);
  if (size == 0) return false;
  const size_t begin = at + size;
  word.label = text_.substr(at + 2, size - 5);
  word.label = word.label.substr(0, word.label.find('*'));
  word.base64 = (text_[begin - 2] | 0x20) == 'b';
  word.broken = false;
  size_t end = word.base64 ? next_end(begin) : end_of_text(begin);
  word.end = end + 2;
  // A word inside the word: this one was never closed.
  size_t inner = next_start(begin);
  if (inner != kNone && inner + 1 != end && (end == kNone || inner < end) && prefix(inner) != 0) {
    end = word.end = inner;
    word.broken = true;
    while (end > begin && blank(text_[end - 1])) --end;
  } else if (end == kNone) {
    end = begin;
    while (end < text_.size() && !blank(text_[end])) ++end;
    word.end = end;
    word.broken = true;
    if (end > begin && text_[end - 1] == '?') --end;
  }
  word.text = text_.substr(begin, end - begin);
  return true;
}

// The charset of bytes whose label nobody knows.
const Charset* guess(std::string_view bytes, CharsetScratch& scratch) {
  if (is_mostly_utf8(bytes)) return &utf8_charset();
  constexpr size_t kHighBytesMin = 8;
  size_t high = 0;
  for (char c : bytes) high += static_cast<uint8_t>(c) > 127;
  const Charset* found = high >= kHighBytesMin ? detect_charset(bytes, scratch) : nullptr;
  return found != nullptr ? found : find_charset("windows-1252");
}

// One line without NUL: hidden line ends become blanks. Works in place, returns the new size.
size_t on_one_line(char* bytes, size_t size) {
  size_t kept = 0;
  for (size_t i = 0; i < size; ++i) {
    const char c = bytes[i];
    if (c == '\0') continue;
    bytes[kept++] = c == '\r' || c == '\n' ? ' ' : c;
  }
  return kept;
}

// Appends `bytes` (used up as scratch) as UTF-8; null: unknown charset. False if they do not fit.
bool append_on_one_line(const Charset* charset, std::vector<char>& bytes, HeaderScratch& scratch,
                        Faults& faults, ArenaText& out) {
  if (charset == nullptr) {
    faults.set(Fault::kCharsetUnknown);
    charset = guess({bytes.data(), bytes.size()}, scratch.charset);
  }
  const bool wide =
      charset->kind == CharsetKind::kIcuWide || charset->kind == CharsetKind::kIcuShift;
  if (!wide) bytes.resize(on_one_line(bytes.data(), bytes.size()));
  const size_t before = out.size();
  const bool fits = to_utf8(*charset, {bytes.data(), bytes.size()}, scratch.charset, out);
  if (wide) {
    const std::string_view text = out.view().substr(before);
    bytes.assign(text.begin(), text.end());
    out.truncate(before);
    out.append({bytes.data(), on_one_line(bytes.data(), bytes.size())});
  }
  return fits;
}

// Bytes of adjacent words of one charset, converted together, since senders cut characters (and
// base64 groups) at the end of a word.
class Run {
 public:
  Run(HeaderScratch& scratch, Faults& faults, ArenaText& out)
      : scratch_(scratch), faults_(faults), out_(out), bytes_(scratch.bytes) {
    bytes_.clear();
  }

  void add(const Word& word) {
    const Charset* charset = find_charset(word.label);
    if (open_ && (charset != charset_ || (charset == nullptr && label_ != word.label))) flush();
    open_ = true;
    charset_ = charset;
    label_ = word.label;
    if (word.base64) {
      add_base64(word.text);
    } else {
      end_base64();
      add_quoted(word.text);
    }
  }
  void flush();

 private:
  void add_base64(std::string_view text);
  void end_base64();
  void emit_group();
  void add_quoted(std::string_view text);
  void broken() { faults_.set(Fault::kEncodedWordBroken); }

  HeaderScratch& scratch_;
  Faults& faults_;
  ArenaText& out_;
  std::vector<char>& bytes_;
  const Charset* charset_ = nullptr;
  std::string_view label_;
  bool open_ = false;
  uint32_t group_ = 0;  // base64 digits of the unfinished group
  int digits_ = 0;
};

// Writes the whole bytes of an unfinished base64 group.
void Run::emit_group() {
  if (digits_ == 1) broken();
  if (digits_ == 2) bytes_.push_back(static_cast<char>(group_ >> 4));
  if (digits_ == 3) {
    bytes_.push_back(static_cast<char>(group_ >> 10));
    bytes_.push_back(static_cast<char>(group_ >> 2));
  }
  group_ = 0;
  digits_ = 0;
}

void Run::add_base64(std::string_view text) {
  for (char c : text) {
    const int8_t value = kBase64[static_cast<uint8_t>(c)];
    if (value < 0) {
      if (c == '=') {
        emit_group();
      } else {
        broken();
      }
      continue;
    }
    group_ = group_ << 6 | static_cast<uint32_t>(value);
    if (++digits_ < 4) continue;
    bytes_.push_back(static_cast<char>(group_ >> 16));
    bytes_.push_back(static_cast<char>(group_ >> 8));
    bytes_.push_back(static_cast<char>(group_));
    group_ = 0;
    digits_ = 0;
  }
  // Without padding: a group whose spare bits are zero is complete; any other goes on in the
  // next word.
  if ((digits_ == 2 && (group_ & 15) == 0) || (digits_ == 3 && (group_ & 3) == 0)) emit_group();
}

void Run::end_base64() {
  if (digits_ == 0) return;
  broken();
  emit_group();
}

void Run::add_quoted(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '_') {
      bytes_.push_back(' ');
    } else if (c == '=' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 &&
               hex_value(text[i + 2]) >= 0) {
      bytes_.push_back(static_cast<char>(hex_value(text[i + 1]) << 4 | hex_value(text[i + 2])));
      i += 2;
    } else {
      if (c == '=' || blank(c)) broken();
      bytes_.push_back(c);
    }
  }
}

void Run::flush() {
  if (!open_) return;
  end_base64();
  open_ = false;
  if (!append_on_one_line(charset_, bytes_, scratch_, faults_, out_)) broken();
  bytes_.clear();
}

// Whether `text`, outside of words, is in a charset of seven bits.
bool is_raw_escaped(std::string_view text, const HeaderScratch& scratch) {
  return scratch.escape_charset != nullptr && text.find('\x1B') != kNone;
}

// Appends text outside of words: NUL goes, bytes over 127 and ISO-2022 become UTF-8.
void append_raw(std::string_view text, bool utf8, HeaderScratch& scratch, ArenaText& out) {
  while (!text.empty()) {
    const size_t nul = std::min(text.find('\0'), text.size());
    const std::string_view piece = text.substr(0, nul);
    if (is_raw_escaped(piece, scratch)) {
      to_utf8(*scratch.escape_charset, piece, scratch.charset, out);
    } else if (utf8 || is_utf8(piece)) {
      out.append(piece);
    } else {
      const Charset* charset = is_mostly_utf8(piece) ? &utf8_charset() : scratch.raw_charset;
      if (charset == nullptr) charset = find_charset("windows-1252");
      to_utf8(*charset, piece, scratch.charset, out);
    }
    text.remove_prefix(std::min(nul + 1, text.size()));
  }
}

bool all_blank(std::string_view text) {
  for (char c : text)
    if (!blank(c)) return false;
  return true;
}

}  // namespace

std::string_view labelled_to_utf8(std::string_view label, std::string_view bytes,
                                  HeaderScratch& scratch, Arena& arena, bool& fits,
                                  Faults& faults) {
  scratch.bytes.assign(bytes.begin(), bytes.end());
  ArenaText out(arena, bytes.size() + 64);
  fits = append_on_one_line(find_charset(label), scratch.bytes, scratch, faults, out);
  return out.finish();
}

bool is_mostly_utf8(std::string_view text) {
  if (is_utf8(text)) return true;
  size_t good = 0, broken = 0;
  while (true) {
    text.remove_prefix(ascii_prefix(text));
    if (text.empty()) break;
    const size_t length = sequence_length(text);
    (length != 0 ? good : broken) += 1;
    text.remove_prefix(length != 0 ? length : broken_length(text));
  }
  return good >= 2 * broken;
}

bool needs_decoding(std::string_view text) {
  bool after_equals = false;
  for (char c : text) {
    if (c == '\0' || c == '\x1B' || static_cast<uint8_t>(c) > 127 || (c == '?' && after_equals))
      return true;
    after_equals = c == '=';
  }
  return false;
}

DecodedText decode_header_text(std::string_view unfolded, const Limits& limits,
                               HeaderScratch& scratch, Arena& arena, Faults& faults) {
  WordFinder finder(unfolded);
  const bool utf8 = is_utf8(unfolded);
  if (!utf8) faults.set(Fault::kHeader8Bit);
  size_t start = finder.next_start(0);
  if (utf8 && start == kNone && unfolded.find('\0') == kNone && !is_raw_escaped(unfolded, scratch))
    return {unfolded, false};
  ArenaText out(arena, unfolded.size() + 64);
  Run run(scratch, faults, out);
  bool encoded = false;
  size_t copied = 0;  // all before it is in `out` or `run`
  Word word;
  while (start != kNone) {
    if (!finder.word(start, word)) {
      start = finder.next_start(start + 2);
      continue;
    }
    if (scratch.encoded_words >= limits.encoded_words_max) {
      faults.set(Fault::kLimitEncodedWords);
      break;
    }
    ++scratch.encoded_words;
    if (word.broken) faults.set(Fault::kEncodedWordBroken);
    const std::string_view gap = unfolded.substr(copied, start - copied);
    if (!encoded || !all_blank(gap)) {
      run.flush();
      append_raw(gap, utf8, scratch, out);
    }
    run.add(word);
    encoded = true;
    copied = word.end;
    start = finder.next_start(copied);
  }
  run.flush();
  append_raw(unfolded.substr(copied), utf8, scratch, out);
  return {out.finish(), encoded};
}

}  // namespace winnow
