// Numbers and lengths of CSS values, in integers: thousandths of their unit.
#pragma once

#include <cstdint>
#include <string_view>

namespace winnow {

enum class CssUnit : uint8_t { kNone, kPx, kPt, kPercent, kEm, kOther };

struct CssNumber {
  int32_t milli = 0;  // thousandths, saturated
  CssUnit unit = CssUnit::kNone;
  uint32_t length = 0;  // bytes read, unit included; 0 = no number
};

constexpr bool is_css_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
constexpr bool is_css_digit(char c) { return c >= '0' && c <= '9'; }

constexpr bool is_css_name_char(char c) {
  return is_css_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' || c == '_' ||
         static_cast<uint8_t>(c) >= 0x80;
}

constexpr std::string_view trim_css(std::string_view text) {
  while (!text.empty() && is_css_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_css_blank(text.back())) text.remove_suffix(1);
  return text;
}

// Whether a number starts `text`: digit, '.', or a sign before one of them.
bool starts_number(std::string_view text);

// The number at the start of `text` and its unit. Exponents are read; kEm stands for em, ex and ch;
// rem, in, cm, mm, q, pc and those of the view are converted to px (a root of 16 px, a view of
// 600 px); kOther is a unit that no length has.
CssNumber read_number(std::string_view text);

// Pixels, in thousandths, where `em_milli` is the size of one em and `whole_milli` that of 100 %.
int64_t to_px_milli(const CssNumber& number, int64_t em_milli, int64_t whole_milli);

}  // namespace winnow
