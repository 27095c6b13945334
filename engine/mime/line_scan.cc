#include "engine/mime/line_scan.h"

#include <bit>

#include "engine/bytes16.h"

namespace winnow {

namespace {

constexpr size_t npos = std::string_view::npos;

constexpr bool ends_line(char c) { return c == '\n' || c == '\r'; }
bool starts_line(std::string_view text, size_t at) { return at == 0 || ends_line(text[at - 1]); }

bool dash_line(std::string_view text, size_t at) {
  return text[at] == '-' && text[at + 1] == '-' && starts_line(text, at);
}

bool inline_mark(std::string_view text, size_t at) {
  const char second = text[at + 1];
  switch (text[at]) {
    case 'b':
      return second == 'e' && starts_line(text, at);
    case '=':
      return second == 'y' && starts_line(text, at);
    case '-':
      return second == '-' && at + 2 < text.size() && text[at + 2] == '-' && starts_line(text, at);
    default:
      return false;
  }
}

using bytes16::is, bytes16::load, bytes16::mask, bytes16::LaneCount;

template <class Test>
size_t scan_scalar(std::string_view text, size_t from, Test test) {
  for (size_t at = from; at + 1 < text.size(); ++at)
    if (test(text, at)) return at;
  return npos;
}

// `lanes(at)` marks bytes that may be hits; `test` confirms. Needs one readable byte before `at`.
template <class Lanes, class Test>
size_t scan(std::string_view text, size_t from, Lanes lanes, Test test) {
  size_t at = from;
  if (at == 0) {
    if (text.size() > 1 && test(text, 0)) return 0;
    at = 1;
  }
  for (; at + 17 <= text.size(); at += 16) {
    for (unsigned hits = lanes(text.data() + at); hits != 0; hits &= hits - 1) {
      const size_t hit = at + static_cast<size_t>(std::countr_zero(hits));
      if (test(text, hit)) return hit;
    }
  }
  return scan_scalar(text, at, test);
}

}  // namespace

size_t find_dash_line_scalar(std::string_view text, size_t from) {
  return scan_scalar(text, from, dash_line);
}

size_t find_dash_line(std::string_view text, size_t from) {
  return scan(
      text, from,
      [](const char* at) {
        const unsigned dashes = mask(_mm_and_si128(is(load(at), '-'), is(load(at + 1), '-')));
        if (dashes == 0) return 0u;
        const __m128i before = load(at - 1);
        return dashes & mask(_mm_or_si128(is(before, '\n'), is(before, '\r')));
      },
      dash_line);
}

size_t find_inline_mark_scalar(std::string_view text, size_t from) {
  return scan_scalar(text, from, inline_mark);
}

size_t find_inline_mark(std::string_view text, size_t from) {
  return scan(
      text, from,
      [](const char* at) {
        const __m128i before = load(at - 1);
        const unsigned starts = mask(_mm_or_si128(is(before, '\n'), is(before, '\r')));
        if (starts == 0) return 0u;
        const __m128i first = load(at);
        return starts &
               mask(_mm_or_si128(is(first, 'b'), _mm_or_si128(is(first, '='), is(first, '-'))));
      },
      inline_mark);
}

size_t line_end(std::string_view text, size_t at) {
  for (; at + 16 <= text.size(); at += 16) {
    const __m128i bytes = load(text.data() + at);
    const unsigned ends = mask(_mm_or_si128(is(bytes, '\n'), is(bytes, '\r')));
    if (ends != 0) return at + static_cast<size_t>(std::countr_zero(ends));
  }
  while (at < text.size() && !ends_line(text[at])) ++at;
  return at;
}

LineCounts count_lines_scalar(std::string_view text) {
  LineCounts counts;
  for (size_t i = 0; i < text.size(); ++i) {
    counts.nul += text[i] == '\0';
    if (text[i] == '\n') ++(i > 0 && text[i - 1] == '\r' ? counts.crlf : counts.lf);
    if (text[i] == '\r') counts.cr += i + 1 == text.size() || text[i + 1] != '\n';
  }
  return counts;
}

LineCounts count_lines(std::string_view text) {
  if (text.size() < 32) return count_lines_scalar(text);
  LaneCount lf, cr, crlf, nul;
  size_t at = 1;  // each block also looks at the byte before it
  while (at + 16 <= text.size()) {
    for (size_t blocks = 0; blocks < LaneCount::kBlocksMax && at + 16 <= text.size();
         ++blocks, at += 16) {
      const __m128i bytes = load(text.data() + at);
      const __m128i lfs = is(bytes, '\n');
      lf.add(lfs);
      cr.add(is(bytes, '\r'));
      crlf.add(_mm_and_si128(lfs, is(load(text.data() + at - 1), '\r')));
      nul.add(is(bytes, '\0'));
    }
    for (LaneCount* const count : {&lf, &cr, &crlf, &nul}) count->flush();
  }
  const auto one = [&](size_t i) {
    nul.total += text[i] == '\0';
    cr.total += text[i] == '\r';
    lf.total += text[i] == '\n';
    crlf.total += i > 0 && text[i] == '\n' && text[i - 1] == '\r';
  };
  one(0);
  for (; at < text.size(); ++at) one(at);
  return {lf.total - crlf.total, crlf.total, cr.total - crlf.total, nul.total};
}

}  // namespace winnow
