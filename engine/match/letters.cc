#include "engine/match/letters.h"

#include <emmintrin.h>

#include <algorithm>
#include <iterator>

#include "engine/match/pattern.h"

namespace winnow {

namespace {

struct Letters {
  uint32_t first, last;
};

// Code points with a case pair that came after Unicode 6, with their unassigned neighbours.
constexpr Letters kNewLetters[] = {
    {0x13F8, 0x13FD},   {0x1C80, 0x1C88},   {0x1C90, 0x1CBF},   {0x2C2F, 0x2C2F},
    {0x2C5F, 0x2C5F},   {0xA7AE, 0xA7AE},   {0xA7B2, 0xA7CA},   {0xA7D0, 0xA7D9},
    {0xA7F5, 0xA7F6},   {0xAB53, 0xAB53},   {0xAB70, 0xABBF},   {0x104B0, 0x104FB},
    {0x10570, 0x105BC}, {0x10C80, 0x10CF2}, {0x16E40, 0x16E7F}, {0x1E900, 0x1E943},
};
constexpr uint8_t kFirstByteLeast = 0xE1;  // of any of them in UTF-8

bool any_new_letter(uint32_t first, uint32_t last) {
  const Letters* const at = std::ranges::lower_bound(kNewLetters, first, {}, &Letters::last);
  return at != std::end(kNewLetters) && at->first <= last;
}

uint8_t byte_at(std::string_view text, size_t at) { return static_cast<uint8_t>(text[at]); }

// The code point at `at`, which is moved behind it; a broken sequence is one byte.
uint32_t next_code(std::string_view text, size_t& at) {
  const uint8_t first = byte_at(text, at++);
  const size_t more = first < 0xC2 ? 0 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
  if (more == 0 || more > text.size() - at) return first;
  uint32_t code = first & (0x3Fu >> more);
  for (size_t i = 0; i < more; ++i) code = code << 6 | (byte_at(text, at++) & 0x3Fu);
  return code;
}

// The value of `\x{…}` or `\o{…}` whose digits begin at `at`; moves `at` behind it.
uint32_t braced_code(std::string_view regex, size_t& at, uint32_t base) {
  uint32_t code = 0;
  while (at < regex.size() && regex[at] != '}') {
    const char c = regex[at++];
    const uint32_t digit = c >= '0' && c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10u;
    code = std::min<uint32_t>(code * base + digit, 0x110000);
  }
  return code;
}

// What an escape names, 0 for what is no code point over U+01FF; moves `at` behind it.
uint32_t escaped_code(std::string_view regex, size_t& at) {
  if (at + 1 >= regex.size() || byte_at(regex, at + 1) >= 0x80) return ++at, 0;
  const char kind = regex[at + 1];
  at += 2;
  const bool braced = at < regex.size() && regex[at] == '{';
  if (!braced || (kind != 'x' && kind != 'o' && kind != 'N')) return 0;
  if (kind == 'N') at += 2;  // \N{U+hhh}
  return braced_code(regex, ++at, kind == 'o' ? 8 : 16);
}

// A hyphen may make a range of what stands around it.
bool names_new_letter(std::string_view regex) {
  uint32_t before = 0;
  bool range = false;
  for (size_t at = 0; at < regex.size();) {
    if (regex[at] == '-') {
      range = true;
      ++at;
      continue;
    }
    const uint32_t code = regex[at] == '\\' ? escaped_code(regex, at) : next_code(regex, at);
    if (any_new_letter(range ? std::min(before, code) : code, code)) return true;
    before = code;
    range = false;
  }
  return false;
}

bool names_property_or_blank(std::string_view regex) {
  if (regex.find("(*") != std::string_view::npos) return true;  // such as (*UCP)
  for (size_t at = 0; at < regex.size();) {
    if (regex[at] == '\\' && at + 1 < regex.size()) {
      const char kind = regex[at + 1];
      if (kind == 'p' || kind == 'P' || kind == 'X') return true;
      at += byte_at(regex, at + 1) < 0x80 ? 2 : 1;
      continue;
    }
    const uint32_t code = next_code(regex, at);
    // Pattern_White_Space over U+007F.
    if (code == 0x85 || code == 0x200E || code == 0x200F || code == 0x2028 || code == 0x2029)
      return true;
  }
  return false;
}

// Does a class of POSIX stand in a pattern with a negated set? What order they have decides.
bool mixes_negated_sets(std::string_view regex) {
  if (regex.find("[:") == std::string_view::npos) return false;
  if (regex.find("[:^") != std::string_view::npos) return true;
  for (size_t at = regex.find('\\'); at != std::string_view::npos; at = regex.find('\\', at + 2))
    if (at + 1 < regex.size() && std::string_view("DWSHV").find(regex[at + 1]) != regex.npos)
      return true;
  return false;
}

const char* skip_low(const char* at, const char* end) {
  const __m128i least = _mm_set1_epi8(static_cast<char>(kFirstByteLeast));
  for (; end - at >= 16; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const int high = _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_max_epu8(bytes, least), bytes));
    if (high != 0) return at + __builtin_ctz(static_cast<unsigned>(high));
  }
  while (at != end && static_cast<uint8_t>(*at) < kFirstByteLeast) ++at;
  return at;
}

}  // namespace

bool has_new_letter(std::string_view text) {
  const char* const end = text.data() + text.size();
  for (const char* at = text.data(); (at = skip_low(at, end)) != end;) {
    size_t index = static_cast<size_t>(at - text.data());
    const uint32_t code = next_code(text, index);
    if (any_new_letter(code, code)) return true;
    at = text.data() + index;
  }
  return false;
}

bool folds_letters(std::string_view regex, uint32_t flags) {
  if (flags & bit(PatternFlag::kIgnoreCase)) return true;
  for (size_t at = regex.find("(?"); at != std::string_view::npos; at = regex.find("(?", at + 1)) {
    size_t end = at + 2;
    while (end < regex.size() && ((regex[end] >= 'a' && regex[end] <= 'z') || regex[end] == 'J' ||
                                  regex[end] == 'U' || regex[end] == '^' || regex[end] == '-'))
      if (regex[end++] == 'i') return true;
  }
  return false;
}

bool differs_by_unicode(std::string_view regex, uint32_t flags) {
  if (names_property_or_blank(regex) || mixes_negated_sets(regex)) return true;
  return folds_letters(regex, flags) && names_new_letter(regex);
}

}  // namespace winnow
