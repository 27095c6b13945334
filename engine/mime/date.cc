// A date is read as a list of tokens (numbers, words, zone), and then by what
// each token can be: the orders that occur differ only in where the year
// stands.
#include "engine/mime/date.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "engine/ascii.h"
#include "engine/mime/comment.h"

namespace winnow {

namespace {

constexpr bool digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool letter(char c) { return lower_ascii(c) >= 'a' && lower_ascii(c) <= 'z'; }

// First three letters as one number; 0 for shorter words.
constexpr uint32_t key3(std::string_view word) {
  if (word.size() < 3) return 0;
  return static_cast<uint32_t>(static_cast<uint8_t>(lower_ascii(word[0]))) << 16 |
         static_cast<uint32_t>(static_cast<uint8_t>(lower_ascii(word[1]))) << 8 |
         static_cast<uint8_t>(lower_ascii(word[2]));
}

unsigned month_of(std::string_view word) {
  constexpr std::array<uint32_t, 12> kMonths{key3("jan"), key3("feb"), key3("mar"), key3("apr"),
                                             key3("may"), key3("jun"), key3("jul"), key3("aug"),
                                             key3("sep"), key3("oct"), key3("nov"), key3("dec")};
  for (unsigned i = 0; i < 12; ++i)
    if (kMonths[i] == key3(word)) return i + 1;
  return 0;
}

bool is_day_name(std::string_view word) {
  constexpr std::array<uint32_t, 7> kDays{key3("mon"), key3("tue"), key3("wed"), key3("thu"),
                                          key3("fri"), key3("sat"), key3("sun")};
  for (uint32_t day : kDays)
    if (day == key3(word)) return true;
  return false;
}

struct NamedZone {
  std::string_view name;
  int32_t minutes;
};
// RFC 5322 4.3, and the names that mail still carries. CST, IST and the like
// mean different things in different countries: the reading of RFC 5322 or the
// commoner one in mail is taken.
constexpr std::array kZones{
    NamedZone{"ut", 0},      NamedZone{"utc", 0},     NamedZone{"gmt", 0},
    NamedZone{"z", 0},       NamedZone{"est", -300},  NamedZone{"edt", -240},
    NamedZone{"cst", -360},  NamedZone{"cdt", -300},  NamedZone{"mst", -420},
    NamedZone{"mdt", -360},  NamedZone{"pst", -480},  NamedZone{"pdt", -420},
    NamedZone{"akst", -540}, NamedZone{"akdt", -480}, NamedZone{"hst", -600},
    NamedZone{"ast", -240},  NamedZone{"adt", -180},  NamedZone{"nst", -210},
    NamedZone{"wet", 0},     NamedZone{"west", 60},   NamedZone{"bst", 60},
    NamedZone{"cet", 60},    NamedZone{"met", 60},    NamedZone{"mez", 60},
    NamedZone{"cest", 120},  NamedZone{"mest", 120},  NamedZone{"mesz", 120},
    NamedZone{"eet", 120},   NamedZone{"sast", 120},  NamedZone{"eest", 180},
    NamedZone{"msk", 180},   NamedZone{"msd", 240},   NamedZone{"ist", 330},
    NamedZone{"pkt", 300},   NamedZone{"hkt", 480},   NamedZone{"sgt", 480},
    NamedZone{"jst", 540},   NamedZone{"kst", 540},   NamedZone{"aest", 600},
    NamedZone{"aedt", 660},  NamedZone{"nzst", 720},  NamedZone{"nzdt", 780},
};

const NamedZone* find_zone(std::string_view word) {
  for (const NamedZone& zone : kZones) {
    if (zone.name.size() != word.size()) continue;
    size_t i = 0;
    while (i < word.size() && lower_ascii(word[i]) == zone.name[i]) ++i;
    if (i == word.size()) return &zone;
  }
  return nullptr;
}

struct Reader {
  std::string_view text;
  size_t at = 0;

  int day = -1, year = -1, hour = -1, minute = 0, second = 0;
  unsigned month = 0;
  int year_digits = 0;
  int32_t zone = 0;
  bool has_zone = false;
  bool exact = true;

  size_t past_gap(size_t from) const;
  bool colon_follows() const;
  char peek(size_t ahead = 0) const { return at + ahead < text.size() ? text[at + ahead] : '\0'; }
  void read();
  void number();
  void word();
  void clock(int first);
  void offset(int sign);
  int digits(int max, int& count);
};

// One past the blanks and comments at `from`.
size_t Reader::past_gap(size_t from) const {
  while (from < text.size() && (text[from] == ' ' || text[from] == '\t' || text[from] == '(')) {
    from = text[from] == '(' ? std::min(past_comment(text, from), text.size()) : from + 1;
  }
  return from;
}

// Whether ":" and a number come next, with or without blanks and comments around the colon.
bool Reader::colon_follows() const {
  const size_t colon = past_gap(at);
  if (colon >= text.size() || text[colon] != ':') return false;
  const size_t next = past_gap(colon + 1);
  return next < text.size() && digit(text[next]);
}

int Reader::digits(int max, int& count) {
  int value = 0;
  count = 0;
  while (count < max && digit(peek())) value = value * 10 + (text[at++] - '0'), ++count;
  return value;
}

// After the hour: ":MM[:SS[.fraction]] [am|pm]", with blanks and comments around the colons (RFC
// 5322 4.3). Dots separate too, as some senders write.
void Reader::clock(int first) {
  int count = 0;
  hour = first;
  at = past_gap(past_gap(at) + 1);
  minute = digits(2, count);
  if (count == 0) exact = false;
  if (colon_follows() || (peek() == '.' && digit(peek(1)))) {
    at = past_gap(past_gap(at) + 1);
    second = digits(2, count);
    if (peek() == '.' || peek() == ',') {
      size_t end = at + 1;
      while (end < text.size() && digit(text[end])) ++end;
      if (end > at + 1) at = end;
    }
  }
  size_t next = at;
  while (next < text.size() && text[next] == ' ') ++next;
  if (next + 1 < text.size() && lower_ascii(text[next + 1]) == 'm' &&
      (next + 2 == text.size() || !letter(text[next + 2]))) {
    const char half = lower_ascii(text[next]);
    if (half != 'a' && half != 'p') return;
    if (hour > 12) return;
    if (half == 'p' && hour < 12) hour += 12;
    if (half == 'a' && hour == 12) hour = 0;
    at = next + 2;
    exact = false;
  }
}

// After a sign: "HHMM", "HH:MM", "HMM", "HH".
void Reader::offset(int sign) {
  int count = 0;
  int value = digits(4, count);
  if (count == 0) {
    exact = false;
    return;
  }
  int hours = value / 100, minutes = value % 100;
  if (count <= 2) {
    hours = value, minutes = 0;
    if (peek() == ':' && digit(peek(1))) {
      ++at;
      minutes = digits(2, count);
    }
    exact = false;
  } else if (count == 3) {
    exact = false;
  }
  while (digit(peek())) ++at, exact = false;
  if (hours > 24 || minutes > 59) {
    exact = false;
    hours = minutes = 0;
  }
  zone = sign * (hours * 60 + minutes);
  has_zone = true;
}

void Reader::number() {
  int count = 0;
  const int value = digits(8, count);
  while (digit(peek())) ++at, count = 9;  // longer numbers are nothing of a date
  const bool dot_follows = peek() == '.' && digit(peek(1)) && day >= 0 && month != 0;
  if (hour < 0 && count <= 2 && (dot_follows || colon_follows())) {
    clock(value);
  } else if (count == 4 && year < 0 && (peek() == '-' || peek() == '/') && digit(peek(1))) {
    // ISO 8601 order: year, month, day.
    year = value, year_digits = 4, exact = false;
    ++at;
    month = static_cast<unsigned>(digits(2, count));
    if ((peek() == '-' || peek() == '/') && digit(peek(1))) {
      ++at;
      day = digits(2, count);
    }
    if (lower_ascii(peek()) == 't' && digit(peek(1))) ++at;
  } else if (day < 0 && count <= 2 && value >= 1 && value <= 31) {
    day = value;
  } else if (year < 0 && count >= 2 && count <= 4) {
    year = value, year_digits = count;
  } else {
    exact = false;
  }
}

void Reader::word() {
  const size_t begin = at;
  while (letter(peek())) ++at;
  const std::string_view name = text.substr(begin, at - begin);
  // A French day of the week: "mar., 1 juil.". Without the dot it is a month: "Mar, 1 2002".
  const bool names_day = day < 0 && year < 0 && peek() == '.' && peek(1) == ',';
  if (hour < 0 || year < 0 || month == 0) {
    if (month == 0 && !names_day) {
      if (const unsigned found = month_of(name)) {
        month = found;
        if (peek() == '.') ++at;
        return;
      }
    }
    if (is_day_name(name)) return;
  }
  if (hour < 0) {
    exact = exact && is_day_name(name);
    return;
  }
  if (const NamedZone* zone_name = find_zone(name)) {
    // "GMT+0200" is the offset; "+0200 (CEST)" and "+0200 CEST" keep the
    // offset.
    if (!has_zone) zone = zone_name->minutes, has_zone = true;
    if (zone_name->minutes == 0 && (peek() == '+' || peek() == '-') && digit(peek(1))) {
      const int sign = text[at++] == '-' ? -1 : 1;
      offset(sign);
      exact = false;
    }
    return;
  }
  // RFC 5322 4.3: single letters and unknown names count as -0000.
  if (!is_day_name(name)) exact = false;
}

void Reader::read() {
  while (at < text.size()) {
    const char c = text[at];
    if (c == '(') {
      at = std::min(past_comment(text, at), text.size());  // an open one runs to the end
    } else if (digit(c)) {
      number();
    } else if (letter(c)) {
      word();
    } else if ((c == '+' || c == '-') && hour >= 0 && digit(peek(1))) {
      ++at;
      if (has_zone || (year < 0 && c == '-')) {
        number();
      } else {
        offset(c == '-' ? -1 : 1);
      }
    } else {
      ++at;
    }
  }
}

// The form that nearly all mail has: "[Day, ]D Mon YYYY HH:MM:SS +ZZZZ[
// (comment)]". False, with nothing said, for any other.
bool read_standard(std::string_view text, Reader& to) {
  size_t at = 0;
  while (at < text.size() && text[at] == ' ') ++at;
  if (text.size() < at + 25) return false;
  const char* p = text.data() + at;
  const char* const end = text.data() + text.size();
  if (p[3] == ',' && p[4] == ' ') {
    if (!is_day_name({p, 3})) return false;
    p += 5;
    if (*p == ' ') ++p;
  }
  const auto two = [](const char* d) { return (d[0] - '0') * 10 + (d[1] - '0'); };
  if (end - p < 25 || !digit(p[0])) return false;
  to.day = p[0] - '0';
  if (digit(p[1])) to.day = two(p), ++p;
  // Now p[1] is the blank before the month: " Mon YYYY HH:MM:SS +ZZZZ".
  if (end - p < 25 || p[1] != ' ' || p[5] != ' ' || p[10] != ' ' || p[13] != ':' || p[16] != ':' ||
      p[19] != ' ' || (p[20] != '+' && p[20] != '-'))
    return false;
  for (int i : {6, 7, 8, 9, 11, 12, 14, 15, 17, 18, 21, 22, 23, 24})
    if (!digit(p[i])) return false;
  if (end - p > 25 && (end - p < 27 || p[25] != ' ' || p[26] != '(' || end[-1] != ')'))
    return false;
  to.month = month_of({p + 2, 3});
  to.year = two(p + 6) * 100 + two(p + 8);
  to.year_digits = 4;
  to.hour = two(p + 11);
  to.minute = two(p + 14);
  to.second = two(p + 17);
  const int hours = two(p + 21), minutes = two(p + 23);
  if (to.month == 0 || to.day == 0 || to.day > 31 || hours > 24 || minutes > 59) return false;
  to.zone = (p[20] == '-' ? -1 : 1) * (hours * 60 + minutes);
  to.has_zone = true;
  return true;
}

}  // namespace

int64_t days_from_civil(int64_t year, unsigned month, unsigned day) {
  // Years begin in March, so that the leap day is the last of its year.
  year -= month <= 2;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const int64_t year_of_era = year - era * 400;
  const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

std::optional<MailDate> parse_date(std::string_view text) {
  constexpr size_t kDateBytesMax = 256;
  text = text.substr(0, kDateBytesMax);
  Reader reader{text};
  if (!read_standard(text, reader)) {
    reader = Reader{text};
    reader.read();
  }
  int64_t year = reader.year;
  if (reader.day < 1 || reader.month < 1 || reader.month > 12 || year < 0 || reader.hour < 0)
    return std::nullopt;
  // RFC 5322 4.3: two digits 00-49 are 20xx, 50-99 and three digits count from
  // 1900.
  if (reader.year_digits == 2) year += year < 50 ? 2000 : 1900;
  if (reader.year_digits == 3) year += 1900;
  constexpr std::array<int, 12> kDays{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  const int days = kDays[reader.month - 1] + (reader.month == 2 && leap ? 1 : 0);
  if (reader.day > days || reader.hour > 23 || reader.minute > 59 || reader.second > 60)
    return std::nullopt;
  MailDate date;
  date.zone_min = reader.zone;
  date.exact = reader.exact && reader.has_zone && reader.year_digits == 4;
  date.time = days_from_civil(year, reader.month, static_cast<unsigned>(reader.day)) * 86400 +
              reader.hour * 3600 + reader.minute * 60 + reader.second - int64_t{reader.zone} * 60;
  return date;
}

std::string write_http_date(int64_t time) {
  const int64_t days = (time >= 0 ? time : time - 86'399) / 86'400;
  const int64_t second = time - days * 86'400;
  // The inverse of days_from_civil().
  const int64_t shifted = days + 719'468;
  const int64_t era = (shifted >= 0 ? shifted : shifted - 146'096) / 146'097;
  const int64_t day_of_era = shifted - era * 146'097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t march = (5 * day_of_year + 2) / 153;  // months since it
  const int64_t month = march < 10 ? march + 2 : march - 10;
  constexpr std::string_view kDayNames[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
  constexpr std::string_view kMonthNames[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDayNames[(days % 7 + 7) % 7],
                     day_of_year - (153 * march + 2) / 5 + 1, kMonthNames[month],
                     year_of_era + era * 400 + (month < 2 ? 1 : 0), second / 3600, second / 60 % 60,
                     second % 60);
}

}  // namespace winnow
