#include "rules/config/scalar.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "engine/ascii.h"

namespace winnow {
namespace {

struct Suffix {
  std::string_view name;
  double factor;
  bool time;
};
constexpr std::array<Suffix, 13> kSuffixes{{
    {"k", 1e3, false},
    {"m", 1e6, false},
    {"g", 1e9, false},
    {"kb", 1024.0, false},
    {"mb", 1024.0 * 1024, false},
    {"gb", 1024.0 * 1024 * 1024, false},
    {"ms", 1e-3, true},
    {"s", 1, true},
    {"min", 60, true},
    {"h", 3600, true},
    {"d", 86400, true},
    {"w", 7 * 86400.0, true},
    {"y", 365 * 86400.0, true},
}};

Scalar whole_number(int64_t value) { return {.kind = Scalar::Kind::kInt, .whole = value}; }
Scalar real_number(double value) { return {.kind = Scalar::Kind::kDouble, .real = value}; }

bool digit(char c) { return c >= '0' && c <= '9'; }

// "0x1F", with the sign taken off already.
Scalar read_hex(std::string_view digits, bool negative) {
  uint64_t value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size() ||
      value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
    return {};
  return whole_number(negative ? -static_cast<int64_t>(value) : static_cast<int64_t>(value));
}

// Length of the number at the start of `text` (sign, digits, fraction, exponent); sets `whole`.
size_t number_length(std::string_view text, bool& whole) {
  size_t at = text[0] == '-' ? 1 : 0;
  const size_t first = at;
  while (at < text.size() && digit(text[at])) ++at;
  if (at == first) return 0;
  whole = true;
  if (at < text.size() && text[at] == '.') {
    whole = false;
    ++at;
    while (at < text.size() && digit(text[at])) ++at;
  }
  size_t exponent = at;
  if (exponent < text.size() && (text[exponent] | 0x20) == 'e') {
    ++exponent;
    if (exponent < text.size() && (text[exponent] == '-' || text[exponent] == '+')) ++exponent;
    const size_t digits = exponent;
    while (exponent < text.size() && digit(text[exponent])) ++exponent;
    if (exponent > digits) {
      whole = false;
      at = exponent;
    }
  }
  return at;
}

Scalar with_suffix(std::string_view number, bool whole, std::string_view suffix) {
  double real = 0;
  const char* end = number.data() + number.size();
  const auto parsed = std::from_chars(number.data(), end, real);
  if (parsed.ec != std::errc() || parsed.ptr != end) return {};
  int64_t value = 0;
  if (whole && std::from_chars(number.data(), end, value).ec != std::errc()) return {};
  if (suffix.empty()) return whole ? whole_number(value) : real_number(real);
  for (const Suffix& row : kSuffixes) {
    if (!equal_caseless(row.name, suffix)) continue;
    if (row.time) return {.kind = Scalar::Kind::kTime, .real = real * row.factor};
    const double product = real * row.factor;
    if (product > -9e18 && product < 9e18 && std::trunc(product) == product) {
      const int64_t factor = static_cast<int64_t>(row.factor);
      int64_t exact = 0;
      if (whole && !__builtin_mul_overflow(value, factor, &exact)) return whole_number(exact);
      return whole_number(static_cast<int64_t>(product));
    }
    return real_number(product);
  }
  return {};
}

}  // namespace

std::optional<bool> read_bool(std::string_view text) {
  for (std::string_view name : {"true", "yes", "on", "1"})
    if (equal_caseless(text, name)) return true;
  for (std::string_view name : {"false", "no", "off", "0"})
    if (equal_caseless(text, name)) return false;
  return std::nullopt;
}

Scalar read_scalar(std::string_view text) {
  if (text.empty() || text.size() > 64) return {};
  if (text == "null") return {.kind = Scalar::Kind::kNull};
  if (!digit(text[0]) && text[0] != '-') {
    if (const auto flag = read_bool(text)) return {.kind = Scalar::Kind::kBool, .flag = *flag};
    if (text == "inf") return real_number(std::numeric_limits<double>::infinity());
    if (text == "nan") return real_number(std::numeric_limits<double>::quiet_NaN());
    return {};
  }
  const bool negative = text[0] == '-';
  const std::string_view bare = text.substr(negative ? 1 : 0);
  if (bare.size() > 2 && bare[0] == '0' && (bare[1] | 0x20) == 'x')
    return read_hex(bare.substr(2), negative);
  bool whole = false;
  const size_t length = number_length(text, whole);
  if (length == 0) return {};
  return with_suffix(text.substr(0, length), whole, text.substr(length));
}

}  // namespace winnow
