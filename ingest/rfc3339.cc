#include "ingest/rfc3339.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>

namespace winnow {

namespace {

// Takes exactly `digits` digits off `text`.
std::optional<int> number(std::string_view& text, size_t digits) {
  int value = 0;
  if (text.size() < digits) return {};
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, value);
  if (error != std::errc{} || end != text.data() + digits || value < 0) return {};
  text.remove_prefix(digits);
  return value;
}

bool take(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::optional<int64_t> parse_rfc3339(std::string_view text) {
  using namespace std::chrono;
  const auto y = number(text, 4);
  if (!y || !take(text, "-")) return {};
  const auto mo = number(text, 2);
  if (!mo || !take(text, "-")) return {};
  const auto d = number(text, 2);
  if (!d) return {};
  const year_month_day date{year{*y}, month{static_cast<unsigned>(*mo)},
                            day{static_cast<unsigned>(*d)}};
  if (!date.ok()) return {};
  const int64_t days = sys_days(date).time_since_epoch().count();
  if (text.empty()) return days * 86'400'000;
  if (!take(text, "Tt ")) return {};
  const auto h = number(text, 2);
  if (!h || *h > 23 || !take(text, ":")) return {};
  const auto mi = number(text, 2);
  if (!mi || *mi > 59 || !take(text, ":")) return {};
  const auto s = number(text, 2);
  if (!s || *s > 60) return {};
  int64_t ms = ((days * 24 + *h) * 60 + *mi) * 60'000 + *s * 1'000;
  if (take(text, ".")) {
    int64_t scale = 100;
    if (text.empty() || text.front() < '0' || text.front() > '9') return {};
    while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
      ms += (text.front() - '0') * scale;
      scale /= 10;
      text.remove_prefix(1);
    }
  }
  if (take(text, "Zz")) return text.empty() ? std::optional(ms) : std::nullopt;
  const bool east = text.starts_with("+");
  if (!take(text, "+-")) return {};
  const auto zh = number(text, 2);
  if (!zh || *zh > 23 || !take(text, ":")) return {};
  const auto zm = number(text, 2);
  if (!zm || *zm > 59 || !text.empty()) return {};
  const int64_t zone = (*zh * 60 + *zm) * 60'000;
  return east ? ms - zone : ms + zone;
}

std::string format_rfc3339(int64_t unix_ms) {
  using namespace std::chrono;
  const sys_time<milliseconds> time{milliseconds(unix_ms)};
  const sys_days midnight = floor<days>(time);
  const year_month_day date(midnight);
  const hh_mm_ss<milliseconds> clock(time - midnight);
  std::string out = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", int(date.year()),
                                unsigned(date.month()), unsigned(date.day()), clock.hours().count(),
                                clock.minutes().count(), clock.seconds().count());
  if (const auto ms = clock.subseconds().count()) out += fmt::format(".{:03}", ms);
  return out + "Z";
}

}  // namespace winnow
