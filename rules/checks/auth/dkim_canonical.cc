#include "rules/checks/auth/dkim_canonical.h"

#include <emmintrin.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>

#include "rules/checks/text.h"

namespace winnow {

namespace {

// Gathers small pieces, and stops at a number of bytes.
class Feed {
 public:
  explicit Feed(Hash& hash, uint64_t bytes_max = kWholeBody) : hash_(hash), left_(bytes_max) {}
  ~Feed() { flush(); }
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;

  void push(char c) {
    ++count_;
    if (left_ == 0) return;
    --left_;
    if (size_ == sizeof buffer_) flush();
    buffer_[size_++] = c;
  }
  void add(std::string_view text) {
    count_ += text.size();
    text = text.substr(0, std::min<uint64_t>(text.size(), left_));
    left_ -= text.size();
    if (text.size() > sizeof buffer_ - size_ || text.size() >= kDirect) flush();
    if (text.size() >= kDirect) return hash_.add(text);
    if (!text.empty()) std::memcpy(buffer_ + size_, text.data(), text.size());
    size_ += text.size();
  }
  uint64_t count() const { return count_; }

 private:
  static constexpr size_t kDirect = 512;  // from which copying costs more than a piece of its own
  void flush() {
    hash_.add({buffer_, size_});
    size_ = 0;
  }
  Hash& hash_;
  uint64_t left_;
  uint64_t count_ = 0;
  char buffer_[4096];
  size_t size_ = 0;
};

constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }

// Whether the canonical form has something else than the byte at `at`: a line end that is not CRLF;
// in the relaxed form a tab too, and a space before a blank or a line end.
bool is_changed(std::string_view body, size_t at, bool relaxed) {
  const char c = body[at];
  if (c == '\n') return at == 0 || body[at - 1] != '\r';
  if (!relaxed || !is_blank(c)) return false;
  if (c == '\t' || at + 1 == body.size()) return true;
  const char next = body[at + 1];
  return is_blank(next) || next == '\r' || next == '\n';
}

// The first such byte from `at` on, 16 bytes at a time: each is looked at with its neighbours.
template <bool kRelaxed>
size_t find_changed(std::string_view body, size_t at) {
  if (at == 0 && !body.empty() && is_changed(body, at, kRelaxed)) return 0;
  at = std::max<size_t>(at, 1);
  const auto is = [](__m128i bytes, char c) { return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(c)); };
  for (; at + 17 <= body.size(); at += 16) {
    const auto load = [&](size_t from) {
      return _mm_loadu_si128(reinterpret_cast<const __m128i*>(body.data() + from));
    };
    const __m128i here = load(at);
    __m128i changed = _mm_andnot_si128(is(load(at - 1), '\r'), is(here, '\n'));
    if constexpr (kRelaxed) {
      const __m128i next = load(at + 1);
      const __m128i ends = _mm_or_si128(_mm_or_si128(is(next, ' '), is(next, '\t')),
                                        _mm_or_si128(is(next, '\r'), is(next, '\n')));
      changed = _mm_or_si128(changed, is(here, '\t'));
      changed = _mm_or_si128(changed, _mm_and_si128(is(here, ' '), ends));
    }
    const auto bits = static_cast<uint32_t>(_mm_movemask_epi8(changed));
    if (bits != 0) return at + static_cast<size_t>(std::countr_zero(bits));
  }
  while (at < body.size() && !is_changed(body, at, kRelaxed)) ++at;
  return std::min(at, body.size());
}

// Cuts the first line; `line` is without its end.
void cut_line(std::string_view& text, std::string_view& line) {
  const size_t end = text.find('\n');
  line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (end != std::string_view::npos && line.ends_with('\r')) line.remove_suffix(1);
}

// The body up to the end of its last line that is not empty, that line's end left out; nullopt
// where there is none.
std::optional<std::string_view> without_empty_end(std::string_view body, bool relaxed) {
  while (!body.empty()) {
    std::string_view line = body;
    if (line.ends_with('\n')) {
      line.remove_suffix(1);
      if (line.ends_with('\r')) line.remove_suffix(1);
    }
    size_t end = line.size();
    while (relaxed && end > 0 && is_blank(line[end - 1])) --end;
    if (end > 0 && line[end - 1] != '\n') return line;
    body = body.substr(0, end);
  }
  return std::nullopt;
}

// What is already in canonical form goes to the hash as it stands. In the relaxed form runs of
// blanks become one space, those at the end of a line nothing.
template <bool kRelaxed>
void add_lines(std::string_view body, Feed& feed) {
  size_t begin = 0;
  for (;;) {
    const size_t at = find_changed<kRelaxed>(body, begin);
    feed.add(body.substr(begin, at - begin));
    if (at == body.size()) return;
    begin = at + 1;
    if (body[at] == '\n') {
      feed.add("\r\n");
      continue;
    }
    while (begin < body.size() && is_blank(body[begin])) ++begin;
    const std::string_view behind = body.substr(begin, 2);
    if (!behind.empty() && behind[0] != '\n' && behind != "\r\n") feed.push(' ');
  }
}

}  // namespace

uint64_t add_canonical_body(std::string_view body, Canonical canonical, uint64_t bytes_max,
                            Hash& hash) {
  Feed feed(hash, bytes_max);
  const bool relaxed = canonical == Canonical::kRelaxed;
  if (const auto lines = without_empty_end(body, relaxed)) {
    relaxed ? add_lines<true>(*lines, feed) : add_lines<false>(*lines, feed);
    feed.add("\r\n");
  } else if (!relaxed) {
    feed.add("\r\n");
  }
  return feed.count();
}

void add_canonical_header(std::string_view field, size_t name_bytes, Canonical canonical, bool ends,
                          Hash& hash) {
  Feed feed(hash);
  std::string_view line;
  if (canonical == Canonical::kSimple) {
    while (!field.empty()) {
      cut_line(field, line);
      feed.add(line);
      if (!field.empty()) feed.add("\r\n");
    }
    if (ends) feed.add("\r\n");
    return;
  }
  for (const char c : field.substr(0, name_bytes)) feed.push(lower_ascii(c));
  feed.push(':');
  const size_t colon = field.find(':', name_bytes);
  std::string_view value = colon == std::string_view::npos ? "" : field.substr(colon + 1);
  bool begun = false, blank = false;
  while (!value.empty()) {
    cut_line(value, line);  // folds vanish; the blank of the next line stays
    for (size_t i = 0; i < line.size();) {
      if (is_blank(line[i])) {
        blank = begun;
        ++i;
        continue;
      }
      size_t end = i + 1;
      while (end < line.size() && !is_blank(line[end])) ++end;
      if (blank) feed.push(' ');
      blank = false;
      begun = true;
      feed.add(line.substr(i, end - i));
      i = end;
    }
  }
  if (ends) feed.add("\r\n");
}

}  // namespace winnow
