#include "engine/html/css_value.h"

#include <algorithm>
#include <cstddef>

#include "engine/html/packed_name.h"

namespace winnow {

namespace {

constexpr int64_t kMilliMax = 1'000'000'000;

struct UnitRow {
  std::string_view name;
  CssUnit unit;
  int32_t px_milli;  // pixels of one, where it is converted; 0 = kept
};
constexpr UnitRow kUnits[] = {
    {"px", CssUnit::kPx, 0},       {"pt", CssUnit::kPt, 0},       {"em", CssUnit::kEm, 0},
    {"rem", CssUnit::kPx, 16'000}, {"ex", CssUnit::kEm, 0},       {"ch", CssUnit::kEm, 0},
    {"in", CssUnit::kPx, 96'000},  {"cm", CssUnit::kPx, 37'795},  {"mm", CssUnit::kPx, 3'780},
    {"pc", CssUnit::kPx, 16'000},  {"vw", CssUnit::kPx, 6'000},   {"vh", CssUnit::kPx, 6'000},
    {"vmin", CssUnit::kPx, 6'000}, {"vmax", CssUnit::kPx, 6'000}, {"vi", CssUnit::kPx, 6'000},
    {"vb", CssUnit::kPx, 6'000},   {"svw", CssUnit::kPx, 6'000},  {"svh", CssUnit::kPx, 6'000},
    {"lvw", CssUnit::kPx, 6'000},  {"lvh", CssUnit::kPx, 6'000},  {"dvw", CssUnit::kPx, 6'000},
    {"dvh", CssUnit::kPx, 6'000},  {"q", CssUnit::kPx, 945},      {"ic", CssUnit::kEm, 0},
    {"cap", CssUnit::kEm, 0},      {"lh", CssUnit::kEm, 0},       {"rlh", CssUnit::kPx, 16'000},
};

}  // namespace

bool starts_number(std::string_view text) {
  size_t at = 0;
  if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
  if (at < text.size() && text[at] == '.') ++at;
  return at < text.size() && is_css_digit(text[at]);
}

CssNumber read_number(std::string_view text) {
  if (!starts_number(text)) return {};
  size_t at = 0;
  const bool negative = text[0] == '-';
  if (text[0] == '-' || text[0] == '+') ++at;
  int64_t milli = 0;
  for (; at < text.size() && is_css_digit(text[at]); ++at) {
    milli = std::min(milli * 10 + (text[at] - '0') * 1000, kMilliMax);
  }
  if (at < text.size() && text[at] == '.') {
    int64_t place = 100;
    for (++at; at < text.size() && is_css_digit(text[at]); ++at, place /= 10) {
      milli += (text[at] - '0') * place;
    }
  }
  // An exponent needs a digit after it, else the e belongs to the unit (em, ex).
  if (at + 1 < text.size() && (text[at] | 0x20) == 'e' && starts_number(text.substr(at + 1)) &&
      text[at + 1] != '.') {
    const bool down = text[++at] == '-';
    if (text[at] == '-' || text[at] == '+') ++at;
    int power = 0;
    for (; at < text.size() && is_css_digit(text[at]); ++at) {
      power = std::min(power * 10 + (text[at] - '0'), 100);
    }
    for (; power > 0 && milli != 0 && milli < kMilliMax; --power) {
      milli = down ? milli / 10 : milli * 10;
    }
    milli = std::min(milli, kMilliMax);
  }
  CssNumber number;
  size_t unit_end = at;
  while (unit_end < text.size() && (text[unit_end] | 0x20) >= 'a' &&
         (text[unit_end] | 0x20) <= 'z') {
    ++unit_end;
  }
  if (at < text.size() && text[at] == '%') {
    number.unit = CssUnit::kPercent;
    unit_end = at + 1;
  } else if (unit_end > at) {
    number.unit = CssUnit::kOther;
    for (const UnitRow& row : kUnits) {
      if (!same_folded(text.substr(at, unit_end - at), row.name)) continue;
      number.unit = row.unit;
      if (row.px_milli != 0) milli = std::min(milli * row.px_milli / 1000, kMilliMax);
    }
  }
  number.milli = static_cast<int32_t>(negative ? -milli : milli);
  number.length = static_cast<uint32_t>(unit_end);
  return number;
}

int64_t to_px_milli(const CssNumber& number, int64_t em_milli, int64_t whole_milli) {
  const int64_t milli = number.milli;
  switch (number.unit) {
    case CssUnit::kPt:
      return milli * 4 / 3;
    case CssUnit::kEm:
      return milli * em_milli / 1000;
    case CssUnit::kPercent:
      return milli * whole_milli / 100'000;
    case CssUnit::kNone:
    case CssUnit::kPx:
    case CssUnit::kOther:
      return milli;
  }
  return milli;
}

}  // namespace winnow
