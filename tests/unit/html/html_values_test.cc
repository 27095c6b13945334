#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

#include "engine/html/attributes.h"
#include "engine/html/color.h"
#include "engine/html/css_value.h"
#include "engine/html/entities.h"
#include "engine/html/html.h"
#include "engine/html/scan.h"
#include "engine/html/tags.h"

namespace winnow {
namespace {

TEST(HtmlTags, EveryNameIsFound) {
  for (int i = 1; i < static_cast<int>(HtmlTag::kCount); ++i) {
    const auto tag = static_cast<HtmlTag>(i);
    std::string name(html_tag_name(tag));
    EXPECT_EQ(html_tag(name), tag) << name;
    for (char& c : name) c = c >= 'a' ? static_cast<char>(c - 32) : c;
    EXPECT_EQ(html_tag(name), tag) << name;
    EXPECT_EQ(html_tag(name + "x"), HtmlTag::kUnknown) << name;
  }
  EXPECT_EQ(html_tag(""), HtmlTag::kUnknown);
  EXPECT_EQ(html_tag("blockquots"), HtmlTag::kUnknown);
  EXPECT_EQ(html_tag_name(HtmlTag::kUnknown), "");
}

TEST(HtmlEntities, Table) {
  struct Row {
    std::string_view text;
    bool attribute;
    uint32_t length, first, second;
  };
  constexpr Row kRows[] = {
      {"&amp;", false, 5, '&', 0},
      {"&ampx", false, 4, '&', 0},
      {"&ampx", true, 0, 0, 0},
      {"&amp=", true, 0, 0, 0},
      {"&amp ", true, 4, '&', 0},
      {"&lt", false, 3, '<', 0},
      {"&LT", true, 3, '<', 0},
      {"&notit;", false, 4, 0xAC, 0},
      {"&notin;", false, 7, 0x2209, 0},
      {"&frac12", false, 7, 0xBD, 0},
      {"&NotEqualTilde;", false, 15, 0x2242, 0x338},
      {"&CounterClockwiseContourIntegral;", false, 33, 0x2233, 0},
      {"&hellip", false, 0, 0, 0},
      {"&x;", false, 0, 0, 0},
      {"&", false, 0, 0, 0},
      {"&#", false, 0, 0, 0},
      {"&#x;", false, 0, 0, 0},
      {"&#65;", false, 5, 'A', 0},
      {"&#65x", true, 4, 'A', 0},
      {"&#X41;", false, 6, 'A', 0},
      {"&#128;", false, 6, 0x20AC, 0},
      {"&#x9f;", false, 6, 0x178, 0},
      {"&#0;", false, 4, 0xFFFD, 0},
      {"&#xD800;", false, 8, 0xFFFD, 0},
      {"&#x110000;", false, 10, 0xFFFD, 0},
      {"&#18446744073709551681;", false, 23, 0xFFFD, 0},
      {"&#x1F600;", false, 9, 0x1F600, 0},
  };
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.text);
    const Entity entity = read_entity(row.text, row.attribute);
    EXPECT_EQ(entity.length, row.length);
    EXPECT_EQ(entity.first, row.first);
    EXPECT_EQ(entity.second, row.second);
  }
}

TEST(HtmlColor, Forms) {
  struct Row {
    std::string_view text;
    bool attribute, known;
    uint32_t rgb;
    int alpha = 255;
  };
  constexpr Row kRows[] = {
      {"#fff", false, true, 0xFFFFFF},
      {"#1234", false, true, 0x112233, 0x44},
      {" #0a0B0c ", false, true, 0x0A0B0C},
      {"#01020380", false, true, 0x010203, 0x80},
      {"#12", false, false, 0},
      {"#ggg", false, false, 0},
      {"White", false, true, 0xFFFFFF},
      {"lightgoldenrodyellow", false, true, 0xFAFAD2},
      {"lightgoldenrodyello", false, false, 0},
      {"transparent", false, true, 0, 0},
      {"ffffff", true, true, 0xFFFFFF},
      {"ffffff", false, false, 0},
      {"rgb(1,2,3)", false, true, 0x010203},
      {"RGB( 100% , 0%,50% )", false, true, 0xFF007F},
      {"rgb(300 -1 0)", false, true, 0xFF0000},
      {"rgba(1,2,3,.5)", false, true, 0x010203, 127},
      {"rgb(1 2 3 / 0%)", false, true, 0x010203, 0},
      {"rgb(1,2)", false, false, 0},
      {"rgb(1,2,3", false, true, 0x010203},
      {"rgb(1,2,3) x", false, false, 0},
      {"rgb(1,2,3,4,5)", false, false, 0},
      {"rgb (1,2,3)", false, false, 0},
      {"rgbx(1,2,3)", false, false, 0},
      {"rgb(1,x,2,3)", false, false, 0},
      {"hsl(0,100%,50%)", false, true, 0xFF0000},
      {"hsl(120, 100%, 50%)", false, true, 0x00FF00},
      {"hsl(240, 0%, 100%)", false, true, 0xFFFFFF},
      {"inherit", false, false, 0},
      {"var(--x)", false, false, 0},
      {"", true, false, 0},
  };
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.text);
    const Color color = parse_color(row.text, row.attribute);
    EXPECT_EQ(color.known, row.known);
    if (!row.known) continue;
    EXPECT_EQ(color.rgb, row.rgb);
    EXPECT_EQ(color.alpha, row.alpha);
  }
  EXPECT_TRUE(near_colors(0xFFFFFF, 0xF5F5F5));
  EXPECT_FALSE(near_colors(0xFFFFFF, 0xEEEEEE));
}

TEST(CssNumber, Forms) {
  struct Row {
    std::string_view text;
    int milli;
    CssUnit unit;
    unsigned length;
  };
  constexpr Row kRows[] = {
      {"12px", 12'000, CssUnit::kPx, 4},
      {"-.5em;", -500, CssUnit::kEm, 5},
      {"1.2345%", 1234, CssUnit::kPercent, 7},
      {"0", 0, CssUnit::kNone, 1},
      {"1e1px", 10'000, CssUnit::kPx, 5},
      {"1em", 1000, CssUnit::kEm, 3},
      {"1e-2px", 10, CssUnit::kPx, 6},
      {"2in", 192'000, CssUnit::kPx, 3},
      {"99999999999px", 1'000'000'000, CssUnit::kPx, 13},
      {"px", 0, CssUnit::kNone, 0},
      {"+3pt", 3000, CssUnit::kPt, 4},
      {"2VMIN", 12'000, CssUnit::kPx, 5},
      {"5foo", 5000, CssUnit::kOther, 4},
      {"-", 0, CssUnit::kNone, 0},
  };
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.text);
    const CssNumber number = read_number(row.text);
    EXPECT_EQ(number.milli, row.milli);
    EXPECT_EQ(number.unit, row.unit);
    EXPECT_EQ(number.length, row.length);
  }
}

TEST(HtmlScan, TwinsAgree) {
  std::mt19937 random(1);
  constexpr std::string_view kBytes = "aaaaaaaaaaaaaaaabcdefgh   <&=/>\x01\n\xC2\xA0\xE2\x82\xAC";
  for (int round = 0; round < 20'000; ++round) {
    std::string text(random() % 70, ' ');
    for (char& c : text) c = kBytes[random() % kBytes.size()];
    const char* const begin = text.data();
    const char* const end = begin + text.size();
    EXPECT_EQ(find_byte(begin, end, '<'), find_byte_scalar(begin, end, '<'));
    EXPECT_EQ(find_name_end(begin, end, round & 1), find_name_end_scalar(begin, end, round & 1));
    EXPECT_EQ(find_unclean(begin, end), std::find_if(begin, end, [](char c) {
                return c == '&' || static_cast<uint8_t>(c) < ' ';
              }));
    const char* const either = find_either(begin, end, '<', '&');
    EXPECT_EQ(either,
              std::min(find_byte_scalar(begin, end, '<'), find_byte_scalar(begin, end, '&')));
    char fast[128], slow[128];
    const bool after = random() & 1;
    const size_t n = copy_text(begin, end, fast, after);
    ASSERT_EQ(n, copy_text_scalar(begin, end, slow, after)) << text;
    EXPECT_EQ(std::string_view(fast, n), std::string_view(slow, n));
  }
}

TEST(HtmlCharset, Prescan) {
  struct Row {
    std::string_view html, charset;
  };
  constexpr Row kRows[] = {
      {"<meta charset=utf-8>", "utf-8"},
      {"<html><META CharSet=' koi8-r '/>", "koi8-r"},
      {"<meta http-equiv=\"Content-Type\" content=\"text/html; charset=iso-8859-2\">",
       "iso-8859-2"},
      {"<meta content='text/html;charset=\"big5\"' http-equiv=content-type>", "big5"},
      {"<meta name=x content='charset=no'>", ""},
      {"<!-- <meta charset=a> --><meta charset=b>", "b"},
      {"<?xml version='1.0' encoding='windows-1251'?>", "windows-1251"},
      {"<metadata charset=x>", ""},
      {"<meta charset=", ""},
      {"<meta", ""},
      {"", ""},
  };
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.html);
    EXPECT_EQ(html_charset(row.html), row.charset);
  }
  EXPECT_EQ(html_charset(std::string(5000, ' ') + "<meta charset=x>"), "");
}

}  // namespace
}  // namespace winnow
