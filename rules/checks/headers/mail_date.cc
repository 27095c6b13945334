#include "rules/checks/headers/mail_date.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace winnow {

namespace {

constexpr std::array<std::string_view, 7> kDays{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 10> kZones{"UT",  "GMT", "EST", "EDT", "CST",
                                                  "CDT", "MST", "MDT", "PST", "PDT"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// Takes tokens off the front; a failed take leaves `good` false.
struct Reader {
  std::string_view text;
  bool good = true;

  void blanks() {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  }
  bool eat(char c) {
    if (text.empty() || text.front() != c) return false;
    text.remove_prefix(1);
    return true;
  }
  void need(char c) { good &= eat(c); }
  uint32_t number(size_t least, size_t most) {
    size_t digits = 0;
    uint32_t value = 0;
    while (digits < most && digits < text.size() && is_digit(text[digits]))
      value = value * 10 + static_cast<uint32_t>(text[digits++] - '0');
    good &= digits >= least;
    text.remove_prefix(digits);
    return value;
  }
  template <class Names>
  void one_of(const Names& names) {
    size_t letters = 0;
    while (letters < text.size() && is_letter(text[letters])) ++letters;
    const std::string_view word = text.substr(0, letters);
    good &= std::ranges::find(names, word) != names.end();
    text.remove_prefix(letters);
  }
};

void read_zone(Reader& in) {
  if (in.eat('+') || in.eat('-')) {
    in.number(4, 4);
    return;
  }
  const bool single =
      !in.text.empty() && is_letter(in.text[0]) && (in.text.size() == 1 || !is_letter(in.text[1]));
  if (single)
    in.text.remove_prefix(1);
  else
    in.one_of(kZones);
}

// Comments and blanks alone; parentheses nest (RFC 5322 3.2.2).
bool is_comment(std::string_view text) {
  uint32_t depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && depth > 0) {
      ++i;
    } else if (text[i] == '(') {
      ++depth;
    } else if (text[i] == ')') {
      if (depth-- == 0) return false;
    } else if (depth == 0 && !is_blank(text[i])) {
      return false;
    }
  }
  return depth == 0;
}

}  // namespace

bool is_strict_mail_date(std::string_view text) {
  Reader in{text};
  in.blanks();
  if (!in.text.empty() && is_letter(in.text.front())) {
    in.one_of(kDays);
    in.need(',');
    in.blanks();
  }
  const uint32_t day = in.number(1, 2);
  in.blanks();
  in.one_of(kMonths);
  in.blanks();
  in.number(2, 4);
  in.blanks();
  const uint32_t hour = in.number(2, 2);
  in.need(':');
  const uint32_t minute = in.number(2, 2);
  uint32_t second = 0;
  if (in.eat(':')) second = in.number(2, 2);
  in.blanks();
  read_zone(in);
  return in.good && day >= 1 && day <= 31 && hour < 24 && minute < 60 && second <= 60 &&
         is_comment(in.text);
}

}  // namespace winnow
