#include "rules/checks/auth/dkim_canonical.h"

#include <emmintrin.h>

#include <algorithm>
#include <bit>
#include <cstring>

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
    if (text.size() > sizeof buffer_ - size_) flush();
    if (text.size() > sizeof buffer_) return hash_.add(text);
    if (!text.empty()) std::memcpy(buffer_ + size_, text.data(), text.size());
    size_ += text.size();
  }
  uint64_t count() const { return count_; }

 private:
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

// A tab, or a space before another blank: what the relaxed form changes. line.size() if none.
size_t find_wide_blank_scalar(std::string_view line, size_t at) {
  for (; at < line.size(); ++at) {
    if (line[at] == '\t') return at;
    if (line[at] == ' ' && at + 1 < line.size() && is_blank(line[at + 1])) return at;
  }
  return at;
}

// The same, 16 bytes at a time: a byte and the one behind it are looked at together.
size_t find_wide_blank(std::string_view line, size_t at) {
  const __m128i space = _mm_set1_epi8(' '), tab = _mm_set1_epi8('\t');
  for (; at + 17 <= line.size(); at += 16) {
    const auto load = [&](size_t from) {
      return _mm_loadu_si128(reinterpret_cast<const __m128i*>(line.data() + from));
    };
    const __m128i here = load(at), next = load(at + 1);
    const __m128i next_blank = _mm_or_si128(_mm_cmpeq_epi8(next, space), _mm_cmpeq_epi8(next, tab));
    const __m128i wide = _mm_or_si128(_mm_cmpeq_epi8(here, tab),
                                      _mm_and_si128(_mm_cmpeq_epi8(here, space), next_blank));
    const auto bits = static_cast<uint32_t>(_mm_movemask_epi8(wide));
    if (bits != 0) return at + static_cast<size_t>(std::countr_zero(bits));
  }
  return find_wide_blank_scalar(line, at);
}

// Cuts the first line; `line` is without its end.
void cut_line(std::string_view& text, std::string_view& line) {
  const size_t end = text.find('\n');
  line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (end != std::string_view::npos && line.ends_with('\r')) line.remove_suffix(1);
}

// Runs of blanks become one space; those at the end are cut.
void add_relaxed(std::string_view line, Feed& feed) {
  while (!line.empty() && is_blank(line.back())) line.remove_suffix(1);
  size_t begin = 0;
  for (size_t i = find_wide_blank(line, 0); i < line.size(); i = find_wide_blank(line, i + 1)) {
    size_t end = i + 1;
    while (is_blank(line[end])) ++end;  // what is not blank stands behind
    feed.add(line.substr(begin, i - begin));
    feed.push(' ');
    begin = end;
    i = end - 1;
  }
  feed.add(line.substr(begin));
}

}  // namespace

uint64_t add_canonical_body(std::string_view body, Canonical canonical, uint64_t bytes_max,
                            Hash& hash) {
  Feed feed(hash, bytes_max);
  const bool relaxed = canonical == Canonical::kRelaxed;
  uint64_t empty_lines = 0;
  std::string_view line;
  while (!body.empty()) {
    cut_line(body, line);
    const bool empty = relaxed ? std::all_of(line.begin(), line.end(), is_blank) : line.empty();
    if (empty) {
      ++empty_lines;
      continue;
    }
    for (; empty_lines > 0; --empty_lines) feed.add("\r\n");
    if (relaxed)
      add_relaxed(line, feed);
    else
      feed.add(line);
    feed.add("\r\n");
  }
  if (!relaxed && feed.count() == 0) feed.add("\r\n");
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
