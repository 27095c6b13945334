#include "engine/text/normalise.h"

#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/utf16.h>

#include <array>
#include <memory>

#include "engine/text/script.h"
#include "engine/text/utf8.h"

namespace winnow {

namespace {

const UNormalizer2* nfkc() {
  UErrorCode error = U_ZERO_ERROR;
  return unorm2_getNFKCInstance(&error);
}

// What a plain code point becomes; 0 = not plain.
uint16_t plain_of(const UNormalizer2* nfkc_data, uint32_t point) {
  const auto c = static_cast<UChar32>(point);
  if (U_IS_SURROGATE(c) || u_getCombiningClass(c) != 0) return 0;
  if (u_getIntPropertyValue(c, UCHAR_NFKC_QUICK_CHECK) == UNORM_MAYBE) return 0;
  UChar one[2];
  int32_t length = 0;
  U16_APPEND_UNSAFE(one, length, c);
  UChar result[32];
  UErrorCode error = U_ZERO_ERROR;
  if (unorm2_normalize(nfkc_data, one, length, result, 32, &error) != 1) return 0;
  if (U_FAILURE(error) || U_IS_SURROGATE(result[0])) return 0;
  if (u_getIntPropertyValue(result[0], UCHAR_NFKC_QUICK_CHECK) == UNORM_MAYBE) return 0;
  const UChar32 low = u_tolower(result[0]);
  return low < 0x10000 ? static_cast<uint16_t>(low) : 0;
}

struct PlainTable {
  std::array<uint16_t, 0x10000> to{};
  PlainTable() {
    const UNormalizer2* data = nfkc();
    for (uint32_t point = 0; point < to.size(); ++point) {
      const bool itself =
          (point >= 0x3400 && point < 0xA000) || (point >= 0xAC00 && point < 0xD7A4);
      to[point] = itself ? static_cast<uint16_t>(point) : plain_of(data, point);
    }
  }
};

const uint16_t* plain_table() {
  static const auto table = std::make_unique<const PlainTable>();
  return table->to.data();
}

struct All {
  bool operator()(uint32_t) const { return true; }
};
struct WordOnly {
  CharTable chars;
  bool operator()(uint32_t point) const { return chars[point].is(CharBit::kNormal); }
};

// One run through ICU. `run` holds at most kNormaliseRun code units of UTF-16.
template <class Keep>
void normalise_units(const UChar* run, int32_t length, const Keep& keep, ArenaText& out) {
  UChar result[kNormaliseRun * 18];  // U+FDFA, the longest, becomes 18 units
  UErrorCode error = U_ZERO_ERROR;
  const int32_t size = unorm2_normalize(nfkc(), run, length, result,
                                        static_cast<int32_t>(std::size(result)), &error);
  if (U_FAILURE(error)) return;
  char* to = out.tail(static_cast<size_t>(size) * 4);
  size_t used = 0;
  for (int32_t at = 0; at < size;) {
    UChar32 c;
    U16_NEXT(result, at, size, c);
    const auto low = static_cast<uint32_t>(u_tolower(c));
    if (!U_IS_SURROGATE(c) && keep(low)) used += put_point(to + used, low);
  }
  out.commit(used);
}

template <class Keep>
void normalise_run(std::string_view run, const Keep& keep, ArenaText& out) {
  UChar units[kNormaliseRun];
  int32_t size = 0;
  for (const char* at = run.data(); at != run.data() + run.size();) {
    const auto c = static_cast<UChar32>(next_point(at));
    if (size + 2 > static_cast<int32_t>(kNormaliseRun)) {
      normalise_units(units, size, keep, out);
      size = 0;
    }
    U16_APPEND_UNSAFE(units, size, c);
  }
  normalise_units(units, size, keep, out);
}

char ascii_low(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }
bool high(char c) { return static_cast<uint8_t>(c) >= 0x80; }

void append_ascii(std::string_view text, ArenaText& out) {
  char* to = out.tail(text.size());
  for (size_t i = 0; i < text.size(); ++i) to[i] = ascii_low(text[i]);  // vectorised
  out.commit(text.size());
}

template <class Keep>
void normalise_all(std::string_view text, const Keep& keep, ArenaText& out) {
  const uint16_t* plain = plain_table();
  size_t at = 0;
  while (at < text.size()) {
    const size_t start = at;
    at += ascii_prefix(text.substr(at));
    // The last ASCII character may compose with what follows: it belongs to the run after it.
    const size_t run = at == text.size() || at == start ? at : at - 1;
    if constexpr (std::is_same_v<Keep, All>) {
      append_ascii(text.substr(start, run - start), out);
    } else {
      for (size_t i = start; i < run; ++i) {
        if (keep(static_cast<uint8_t>(text[i]))) out.push(ascii_low(text[i]));
      }
    }
    if (run == text.size()) break;
    while (at < text.size() && high(text[at])) ++at;
    const std::string_view piece = text.substr(run, at - run);
    const size_t before = out.size();
    bool simple = true;
    for (const char* from = piece.data(); from != piece.data() + piece.size();) {
      const uint32_t point = next_point(from);
      const uint32_t low = point < 0x10000 ? plain[point] : 0;
      if (low == 0 && point != 0) {
        simple = false;
        break;
      }
      if (keep(low)) out.commit(put_point(out.tail(4), low));
    }
    if (simple) continue;
    out.truncate(before);
    normalise_run(piece, keep, out);
  }
}

}  // namespace

void normalise(std::string_view utf8, ArenaText& out) { normalise_all(utf8, All{}, out); }

void normalise_word(std::string_view utf8, ArenaText& out) { normalise_all(utf8, WordOnly{}, out); }

}  // namespace winnow
