// A text in lower case, and which of its bytes are of words, sixteen bytes at a time: each byte is
// looked at once, and where a word begins and ends is found by its bits. ASCII letters become lower
// case; bytes over 127 are letters.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "engine/bytes16.h"

namespace winnow {

// The first bytes of a register, the others 0; none is read that is not there. Put together in
// registers: sixteen bytes that were written in pieces wait, when they are read, for the cache.
// REQUIRED: 1 to 15 bytes.
inline __m128i load_few(const char* from, size_t n) {
  const auto number = [from](size_t at, auto zero) {
    std::memcpy(&zero, from + at, sizeof zero);
    return uint64_t{zero};
  };
  if (n >= 8) {
    const uint64_t last = number(n - 8, uint64_t{0});
    return _mm_set_epi64x(static_cast<int64_t>(n == 8 ? 0 : last >> (8 * (16 - n))),
                          static_cast<int64_t>(number(0, uint64_t{0})));
  }
  uint64_t all = 0;
  if (n >= 4)
    all = number(0, uint32_t{0}) | number(n - 4, uint32_t{0}) << (8 * (n - 4));
  else
    all = number(0, uint8_t{0}) | number(n / 2, uint8_t{0}) << (8 * (n / 2)) |
          number(n - 1, uint8_t{0}) << (8 * (n - 1));
  return _mm_cvtsi64_si128(static_cast<int64_t>(all));
}

// REQUIRED: room for 16 bytes more than the text has.
inline void lower_into(std::string_view text, char* to) {
  size_t at = 0;
  for (; at + 16 <= text.size(); at += 16)
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + at),
                     bytes16::lowered(bytes16::load(text.data() + at)));
  if (at == text.size()) return;
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to + at),
                   bytes16::lowered(load_few(text.data() + at, text.size() - at)));
}

class LoweredValue {
 public:
  struct Word {
    std::string_view text;
    size_t digits;  // of words of 12 to 64 bytes; else 0
  };

  void begin(std::string_view text) {
    text_ = text;
    at_ = read_ = 0;
    const size_t blocks = text.size() / 64 + 1;
    if (blocks_.size() < blocks) {
      blocks_.resize(blocks);
      low_.resize(blocks * 64 + 16);
    }
    read();
  }
  // The first bytes in lower case, 64 at most.
  std::string_view first() const { return {low_.data(), std::min<size_t>(text_.size(), 64)}; }
  // The next word: of letters and digits, which . - _ hold together; but none of these begins it,
  // or stands at the very end of the text. False where there is none.
  bool next(Word& word) {
    const size_t begin = find(at_, &Block::begins, 0);
    if (begin >= text_.size()) return false;
    const size_t end = at_ = find(begin, &Block::of_word, ~uint64_t{0});
    word = {{low_.data() + begin, end - begin}, 0};
    if (end - begin < 12 || end - begin > 64) return true;
    const size_t shift = begin % 64;
    uint64_t digits = blocks_[begin / 64].digits >> shift;
    if (shift + (end - begin) > 64) digits |= blocks_[begin / 64 + 1].digits << (64 - shift);
    word.digits = static_cast<size_t>(std::popcount(digits << (64 - (end - begin))));
    return true;
  }

 private:
  // A bit a byte, the first one lowest. Behind the text nothing is of a word, and one begins.
  struct Block {
    uint64_t begins, of_word, digits;
  };

  // The first bit from `at` on that is set, once those of `flip` are turned over.
  size_t find(size_t at, uint64_t Block::*bits, uint64_t flip) {
    size_t block = at / 64;
    uint64_t found = (blocks_[block].*bits ^ flip) >> at % 64 << at % 64;
    while (found == 0) {
      if (++block == read_) read();
      found = blocks_[block].*bits ^ flip;
    }
    return block * 64 + static_cast<size_t>(std::countr_zero(found));
  }

  void read() {
    using namespace bytes16;
    const size_t from = read_ * 64, n = std::min<size_t>(64, text_.size() - from);
    char* const low = low_.data() + from;
    Block& out = blocks_[read_++] = {0, 0, 0};
    lower_into(text_.substr(from, n), low);
    for (size_t i = 0; i < n; i += 16) {
      const __m128i bytes = load(low + i);
      const __m128i digits = within(bytes, '0', '9');
      const uint64_t number = mask(digits);
      const uint64_t begins = mask(
          any(any(digits, within(bytes, 'a', 'z')), _mm_cmplt_epi8(bytes, _mm_setzero_si128())));
      const uint64_t joins = mask(any(any(is(bytes, '.'), is(bytes, '-')), is(bytes, '_')));
      out.digits |= number << i;
      out.begins |= begins << i;
      out.of_word |= (begins | joins) << i;
    }
    if (from + n < text_.size()) return;
    // The end: a joiner that stands last holds nothing together.
    const uint64_t last = n > 0 ? uint64_t{1} << (n - 1) : 0;
    out.of_word &= ~(last & ~out.begins);
    if (n == 64) return;
    const uint64_t inside = (uint64_t{1} << n) - 1;
    out.digits &= inside;
    out.of_word &= inside;
    out.begins = (out.begins & inside) | uint64_t{1} << n;
  }

  std::string_view text_;
  size_t at_ = 0;
  size_t read_ = 0;  // blocks
  std::vector<Block> blocks_;
  std::vector<char> low_;
};

}  // namespace winnow
