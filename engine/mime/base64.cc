#include "engine/mime/base64.h"

#include <tmmintrin.h>

#include <array>
#include <cstdint>

namespace winnow {

namespace {

constexpr uint8_t kJunk = 64;
constexpr uint8_t kBlank = 65;
constexpr uint8_t kPad = 66;

constexpr std::array<uint8_t, 256> make_digits() {
  std::array<uint8_t, 256> table{};
  for (auto& entry : table) entry = kJunk;
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < kAlphabet.size(); ++i)
    table[static_cast<uint8_t>(kAlphabet[i])] = static_cast<uint8_t>(i);
  for (char c : {' ', '\t', '\r', '\n'}) table[static_cast<uint8_t>(c)] = kBlank;
  table['='] = kPad;
  return table;
}
constexpr std::array<uint8_t, 256> kDigits = make_digits();

// The machine that takes one byte after the other; both readers share it.
class Sextets {
 public:
  explicit Sextets(char* out) : out_(out) {}

  bool aligned() const { return count_ == 0 && pads_ == 0; }
  char* out() const { return out_; }
  void set_out(char* out) { out_ = out; }
  bool broken() const { return broken_; }
  bool after_padding() const { return padded_; }
  void set_broken() { broken_ = true; }

  void take(uint8_t digit) {
    if (digit < 64) {
      if (padded_ || pads_ != 0) resume();
      bits_ = bits_ << 6 | digit;
      if (++count_ == 4) {
        out_[0] = static_cast<char>(bits_ >> 16);
        out_[1] = static_cast<char>(bits_ >> 8);
        out_[2] = static_cast<char>(bits_);
        out_ += 3;
        count_ = 0;
        bits_ = 0;
      }
    } else if (digit == kPad) {
      pad();
    } else if (digit == kJunk) {
      broken_ = true;
    }
  }

  void finish() {
    if (count_ != 0 || pads_ != 0) broken_ = true;
    flush();
  }

 private:
  void pad() {
    if (count_ < 2) {  // padding where none can stand
      broken_ = true;
      flush();
      return;
    }
    if (++pads_ + count_ == 4) {
      flush();
      padded_ = true;
    }
  }
  void resume() {
    broken_ = true;  // digits after padding
    if (pads_ != 0) flush();
    padded_ = false;
  }
  void flush() {
    if (count_ == 2) *out_++ = static_cast<char>(bits_ >> 4);
    if (count_ == 3) {
      *out_++ = static_cast<char>(bits_ >> 10);
      *out_++ = static_cast<char>(bits_ >> 2);
    }
    count_ = pads_ = 0;
    bits_ = 0;
  }

  char* out_;
  uint32_t bits_ = 0;
  unsigned count_ = 0;   // sextets in bits_
  unsigned pads_ = 0;    // '=' seen in this quantum
  bool padded_ = false;  // the last quantum was padded
  bool broken_ = false;
};

// Decodes 16 digits at `in` into 12 bytes (16 are written) at `out`; returns how many leading
// bytes are digits. Classes by the high nibble, after Mula and Lemire, "Faster Base64 Encoding
// and Decoding Using AVX2 Instructions" (2018).
inline unsigned decode_block(const char* in, char* out) {
  const __m128i text = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in));
  const __m128i high = _mm_and_si128(_mm_srli_epi32(text, 4), _mm_set1_epi8(0x0f));
  const __m128i low = _mm_and_si128(text, _mm_set1_epi8(0x0f));
  const __m128i low_classes = _mm_setr_epi8(0x15, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11,
                                            0x11, 0x13, 0x1a, 0x1b, 0x1b, 0x1b, 0x1a);
  const __m128i high_classes = _mm_setr_epi8(0x10, 0x10, 0x01, 0x02, 0x04, 0x08, 0x04, 0x08, 0x10,
                                             0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10);
  const __m128i bad =
      _mm_and_si128(_mm_shuffle_epi8(low_classes, low), _mm_shuffle_epi8(high_classes, high));
  const unsigned good =
      static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(bad, _mm_setzero_si128())));
  const __m128i rolls = _mm_setr_epi8(0, 16, 19, 4, -65, -65, -71, -71, 0, 0, 0, 0, 0, 0, 0, 0);
  const __m128i slash = _mm_cmpeq_epi8(text, _mm_set1_epi8('/'));
  const __m128i roll = _mm_shuffle_epi8(rolls, _mm_add_epi8(slash, high));
  const __m128i sextets = _mm_add_epi8(text, roll);
  const __m128i pairs = _mm_maddubs_epi16(sextets, _mm_set1_epi32(0x01400140));
  const __m128i quads = _mm_madd_epi16(pairs, _mm_set1_epi32(0x00011000));
  const __m128i packed = _mm_shuffle_epi8(
      quads, _mm_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), packed);
  return static_cast<unsigned>(__builtin_ctz(~good | 0x10000u));
}

// Whether `at`, the first digit after padding, begins another segment: digits in whole quanta up
// to the end of the line. Else it is the text that a mailing list put below.
bool segment_at(const char* at, const char* end) {
  constexpr ptrdiff_t kLook = 64;
  const char* const stop = end - at > kLook ? at + kLook : end;
  const char* next = at;
  while (next != stop && kDigits[static_cast<uint8_t>(*next)] != kJunk &&
         kDigits[static_cast<uint8_t>(*next)] != kBlank)
    ++next;
  if (next == stop && stop != end) return true;
  return (next == end || *next == '\r' || *next == '\n') && (next - at) % 4 == 0;
}

size_t room_for(size_t in) { return in / 4 * 3 + 3 + 16; }

}  // namespace

DecodedBody decode_base64_scalar(std::string_view in, Arena& arena, bool through) {
  char* const begin = arena.alloc_bytes(room_for(in.size()));
  Sextets sextets(begin);
  bool cut = false;
  const char* const end = in.data() + in.size();
  for (const char* at = in.data(); at != end; ++at) {
    const uint8_t digit = kDigits[static_cast<uint8_t>(*at)];
    if (digit < 64 && sextets.after_padding() && !through && !segment_at(at, end)) {
      sextets.set_broken();
      cut = true;
      break;
    }
    sextets.take(digit);
  }
  sextets.finish();
  arena.shrink_to(sextets.out());
  return {{begin, static_cast<size_t>(sextets.out() - begin)}, sextets.broken(), cut};
}

DecodedBody decode_base64(std::string_view in, Arena& arena, bool through) {
  char* const begin = arena.alloc_bytes(room_for(in.size()));
  Sextets sextets(begin);
  bool cut = false;
  const char* at = in.data();
  const char* const end = at + in.size();
  while (at != end) {
    if (sextets.aligned() && !sextets.after_padding()) {
      char* out = sextets.out();
      while (end - at >= 16) {
        const unsigned digits = decode_block(at, out);
        // Constants, so that the next block waits for a guess and not for this block's answer.
        if (digits == 16) {
          at += 16;
          out += 12;
          continue;
        }
        at += digits & ~3u;
        out += digits / 4 * 3;
        // Most lines end between quanta, and the next goes on as this one.
        const bool ends = (digits & 3) == 0 && (*at == '\n' || (*at == '\r' && at[1] == '\n'));
        if (!ends) break;
        at += *at == '\n' ? 1 : 2;
      }
      sextets.set_out(out);
      if (at == end) break;
    }
    const uint8_t digit = kDigits[static_cast<uint8_t>(*at)];
    if (digit < 64 && sextets.after_padding() && !through && !segment_at(at, end)) {
      sextets.set_broken();
      cut = true;
      break;
    }
    sextets.take(digit);
    ++at;
  }
  sextets.finish();
  arena.shrink_to(sextets.out());
  return {{begin, static_cast<size_t>(sextets.out() - begin)}, sextets.broken(), cut};
}

}  // namespace winnow
