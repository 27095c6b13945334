#include <gtest/gtest.h>

#include "engine/mime/date.h"

namespace winnow {
namespace {

constexpr int64_t kBroken = -1;

struct Row {
  std::string_view name;
  std::string_view text;
  int64_t time;
  int32_t zone_min;
  bool exact;
};

constexpr Row kRows[] = {
    {"RFC 5322 A.1.1", "Fri, 21 Nov 1997 09:55:06 -0600", 880127706, -360, true},
    {"RFC 5322 A.5, comments", "Thu,\t13\n Feb\n 1969\n 23:32\n -0330 (Newfoundland Time)",
     -27723480, -210, true},
    {"RFC 5322 A.6.3, blanks and comments around colons",
     "Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", 880127706, -360, true},
    {"comments everywhere", "Tue (day), 1 (d) Jul (m) 2003 (y) 10 (h) : 52 (m) : 37 (s) +0200 (z)",
     1057049557, 120, true},
    {"unclosed comment before a colon", "Fri, 21 Nov 1997 09(:55", kBroken, 0, false},
    {"RFC 5322 A.6.2, two-digit year", "21 Nov 97 09:55:06 GMT", 880106106, 0, false},
    {"no day name, no seconds", "1 Jan 2020 00:00 +0000", 1577836800, 0, true},
    {"zone comment", "Mon, 25 Mar 2024 10:00:00 +0100 (CET)", 1711357200, 60, true},
    {"named zone", "Sat, 04 Jan 2003 12:00:00 EST", 1041699600, -300, true},
    {"GMT+2", "Sat, 04 Jan 2003 12:00:00 GMT+0200", 1041674400, 120, false},
    {"asctime", "Sat Jan  4 12:00:00 2003", 1041681600, 0, false},
    {"asctime with a zone before the year", "Sat Jan  4 12:00:00 EST 2003", 1041699600, -300, true},
    {"dashes", "Sat, 04-Jan-2003 12:00:00 +0000", 1041681600, 0, true},
    {"dashes and two digits", "04-Jan-03 12:00:00 +0000", 1041681600, 0, false},
    {"ISO 8601", "2003-01-04T12:00:00+00:00", 1041681600, 0, false},
    {"ISO 8601 with blank", "2003-01-04 12:00:00 +0000", 1041681600, 0, false},
    {"full names", "Saturday, 4 January 2003 12:00:00 +0000", 1041681600, 0, true},
    {"am and pm", "Sat, 4 Jan 2003 1:05:09 PM +0000", 1041685509, 0, false},
    {"midnight", "Sat, 4 Jan 2003 12:05:09 AM +0000", 1041638709, 0, false},
    {"colon in the zone", "Sat, 4 Jan 2003 12:00:00 +01:30", 1041676200, 90, false},
    {"no zone", "Sat, 4 Jan 2003 12:00:00", 1041681600, 0, false},
    {"leap day", "Thu, 29 Feb 2024 00:00:00 +0000", 1709164800, 0, true},
    {"leap second", "Sat, 31 Dec 2016 23:59:60 +0000", 1483228800, 0, true},
    {"three-digit year", "Sat, 4 Jan 103 12:00:00 +0000", 1041681600, 0, false},
    {"military zone counts as -0000", "Sat, 4 Jan 2003 12:00:00 M", 1041681600, 0, false},
    {"day name that is like a month", "mar., 1 Jul 2003 10:52:37 +0200", 1057049557, 120, false},
    {"comma behind the month", "Aug, 24 2002 12:01:28 PM -0000", 1030190488, 0, false},
    {"foreign month", "mar., 1 juil. 2003 10:52:37 +0200", kBroken, 0, false},
    {"month before the day", "July 1, 2003 10:52:37 +0200", 1057049557, 120, true},
    {"no leap day", "Wed, 29 Feb 2023 00:00:00 +0000", kBroken, 0, false},
    {"month 13", "2003-13-04 12:00:00", kBroken, 0, false},
    {"hour 24", "Sat, 4 Jan 2003 24:00:00 +0000", kBroken, 0, false},
    {"no time", "Sat, 4 Jan 2003", kBroken, 0, false},
    {"empty", "", kBroken, 0, false},
    {"words", "yesterday at noon", kBroken, 0, false},
    {"unclosed comment", "Sat, 4 Jan 2003 12:00:00 +0000 (((", 1041681600, 0, true},
};

TEST(Date, rows) {
  for (const Row& row : kRows) {
    const std::optional<MailDate> date = parse_date(row.text);
    ASSERT_EQ(date.has_value(), row.time != kBroken) << row.name;
    if (!date) continue;
    EXPECT_EQ(date->time, row.time) << row.name;
    EXPECT_EQ(date->zone_min, row.zone_min) << row.name;
    EXPECT_EQ(date->exact, row.exact) << row.name;
  }
}

TEST(Date, days_from_civil_counts_every_day_once) {
  constexpr unsigned kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  int64_t expected = days_from_civil(1600, 1, 1);
  EXPECT_EQ(days_from_civil(1970, 1, 1), 0);
  for (int year = 1600; year < 2401; ++year)
    for (unsigned month = 1; month <= 12; ++month) {
      const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
      const unsigned last = kDays[month - 1] + (month == 2 && leap ? 1 : 0);
      for (unsigned day = 1; day <= last; ++day)
        ASSERT_EQ(days_from_civil(year, month, day), expected++) << year << month << day;
    }
}

}  // namespace
}  // namespace winnow
