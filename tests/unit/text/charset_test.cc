#include "engine/text/charset.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace winnow {
namespace {

using namespace std::string_view_literals;

TEST(Charset, finds_labels_as_mail_writes_them) {
  struct Row {
    std::string_view label, name;
  };
  const Row rows[] = {
      {"utf-8", "utf-8"},
      {"UTF8", "utf-8"},
      {" \"utf-8\" ", "utf-8"},
      {"us-ascii", "us-ascii"},
      {"ANSI_X3.4-1968", "us-ascii"},
      {"iso 8859-1", "windows-1252"},
      {"ISO_8859-1:1987", "windows-1252"},
      {"iso-8859-11", "windows-874"},
      {"tis-620", "windows-874"},
      {"iso-8859-9", "windows-1254"},
      {"cp1252", "windows-1252"},
      {"x-cp1251", "windows-1251"},
      {"WINDOWS-1251", "windows-1251"},
      {"x-sjis", "shift_jis"},
      {"Shift-JIS", "shift_jis"},
      {"gb2312", "gb18030"},
      {"GBK", "gb18030"},
      {"ks_c_5601-1987", "euc-kr"},
      {"koi8-r", "koi8-r"},
      {"utf-7", "utf-7"},
      {"iso-2022-jp", "iso-2022-jp"},
      {"big5-hkscs", "big5"},
      {"iso-8859-8-i", "iso-8859-8"},
      {"mac", "macintosh"},
      {"x-mac-cyrillic", "x-mac-cyrillic"},
      {"charset=utf-8", "utf-8"},
      {"", ""},
      {"-", ""},
      {"x", ""},
      {"klingon", ""},
  };
  for (const Row& row : rows) {
    const Charset* found = find_charset(row.label);
    EXPECT_EQ(found == nullptr ? ""sv : found->name, row.name) << row.label;
  }
  EXPECT_EQ(find_charset(std::string(100'000, 'a')), nullptr);
}

struct ConvertRow {
  std::string_view label, bytes, utf8;
  bool fits;
};

TEST(Charset, converts_to_valid_utf8) {
  const ConvertRow rows[] = {
      {"utf-8", "gr\xC3\xBC\xC3\x9F", "grüß", true},
      {"utf-8", "\xEF\xBB\xBFx", "x", true},
      {"utf-8", "\xEF\xBB\xBF\xEF\xBB\xBFx", "\uFEFFx", true},
      {"utf-8", "a\xE2\x82z\xFFq", "a\uFFFDz\uFFFDq", false},
      {"utf-8", "\xED\xA0\x80", "\uFFFD\uFFFD\uFFFD", false},
      {"utf-8", "\xF0\x9F\x98", "\uFFFD", false},
      {"us-ascii", "abc", "abc", true},
      {"us-ascii", "\xC3\xBC", "ü", false},
      {"us-ascii", "\xFC", "ü", false},
      {"iso-8859-1", "\x80 \xFC", "€ ü", true},
      {"windows-1253", "\xE1\xD2", "α\uFFFD", false},
      {"koi8-t", "\xF0\xD2\xC9\x80", "Приқ", true},
      {"koi8-r", "\xF0\xD2\xC9\xD7\xC5\xD4", "Привет", true},
      {"windows-1251", "\xCF\xF0\xE8", "При", true},
      {"gb2312", "\xC4\xE3\xBA\xC3", "你好", true},
      {"gb2312", "\xC4", "\uFFFD", false},
      {"big5", "\xA7\x41\xA6\x6E", "你好", true},
      {"shift_jis", "\x82\xB1\x82\xF1", "こん", true},
      {"euc-jp", "\xA4\xB3\xA4\xF3", "こん", true},
      {"euc-kr", "\xC7\xD1\xB1\xDB", "한글", true},
      {"iso-2022-jp", "\x1B$B$3$s\x1B(B!", "こん!", true},
      {"utf-7", "+AGEAYg-c", "abc", true},
      {"utf-16le", "a\0\x3D\xD8\x00\xDE"sv, "a😀", true},
      {"utf-16be", "\0a\xDC\x00"sv, "a\uFFFD", false},
      {"utf-16",
       "\xFF\xFE"
       "a\0"sv,
       "a", true},
      {"utf-16", "h\0i\0"sv, "hi", true},
      {"utf-16", "\0h\0i"sv, "hi", true},
      {"utf-16", "\x1F\x04 \0\x40\x04"sv, "П р", true},
      {"utf-16", "\x04\x1F\x04\x40"sv, "Пр", true},
  };
  CharsetScratch scratch;
  for (const ConvertRow& row : rows) {
    Arena arena;
    ArenaText out(arena, 4);
    const Charset* charset = find_charset(row.label);
    ASSERT_NE(charset, nullptr) << row.label;
    EXPECT_EQ(to_utf8(*charset, row.bytes, scratch, out), row.fits) << row.label;
    EXPECT_EQ(out.view(), row.utf8) << row.label;
    EXPECT_TRUE(is_utf8(out.view()));
    (void)out.finish();
    bool fits = false;
    EXPECT_EQ(utf8_view(*charset, row.bytes, scratch, arena, fits), row.utf8) << row.label;
    EXPECT_EQ(fits, row.fits) << row.label;
  }
}

TEST(Charset, leaves_what_is_utf8_already_where_it_stands) {
  CharsetScratch scratch;
  Arena arena;
  bool fits = false;
  const std::string_view text = "gr\xC3\xBC\xC3\x9F";
  EXPECT_EQ(utf8_view(utf8_charset(), text, scratch, arena, fits).data(), text.data());
  const std::string_view plain = "plain";
  EXPECT_EQ(utf8_view(*find_charset("koi8-r"), plain, scratch, arena, fits).data(), plain.data());
  EXPECT_EQ(arena.used_bytes(), 0u);
}

TEST(Charset, detects) {
  struct Row {
    std::string_view bytes, name;
  };
  const Row rows[] = {
      {"plain ascii", "utf-8"},
      {"gr\xC3\xBC\xC3\x9F", "utf-8"},
      {"\xFF\xFE"
       "a\0"sv,
       "utf-16le"},
      {"\x1B$B$3$s\x1B(B", "iso-2022-jp"},
      {"\xF0\xD2\xC9\xD7\xC5\xD4, \xCB\xC1\xCB \xC4\xC5\xCC\xC1? \xFC\xD4\xCF \xD0\xC9\xD3\xD8"
       "\xCD\xCF \xCE\xC1 \xD2\xD5\xD3\xD3\xCB\xCF\xCD \xD1\xDA\xD9\xCB\xC5.",
       "koi8-r"},
      {"Sch\xF6ne Gr\xFC\xDF"
       "e aus M\xFCnchen, wir m\xF6"
       "chten f\xFCr die \xDC"
       "bersendung danken",
       "windows-1252"},
  };
  CharsetScratch scratch;
  for (const Row& row : rows) {
    const Charset* found = detect_charset(row.bytes, scratch);
    EXPECT_EQ(found == nullptr ? ""sv : found->name, row.name) << row.bytes;
  }
}

// Below two high bytes of a hundred a text is windows-1252; from there on statistics say.
TEST(Charset, takes_stray_bytes_for_western) {
  const std::string_view koi8 = "\xF0\xD2\xC9\xD7\xC5\xD4, \xCB\xC1\xCB \xC4\xC5\xCC\xC1? ";
  const auto high = static_cast<size_t>(std::count_if(
      koi8.begin(), koi8.end(), [](char c) { return static_cast<uint8_t>(c) > 127; }));
  CharsetScratch scratch;
  std::string text(koi8);
  text.append(high * 50 - koi8.size(), '.');
  const Charset* found = detect_charset(text, scratch, text.size());
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->name, "koi8-r");
  text += '.';
  found = detect_charset(text, scratch, text.size());
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->name, "windows-1252");
}

// Every short sequence at every place of a block: the vector code and its scalar twin agree.
TEST(Utf8, validation_equals_its_scalar_twin) {
  const std::string_view pieces[] = {"\x7F",
                                     "\x80",
                                     "\xC1\x80",
                                     "\xC2\x80",
                                     "\xC2",
                                     "\xE0\x9F\xBF",
                                     "\xE0\xA0\x80",
                                     "\xED\x9F\xBF",
                                     "\xED\xA0\x80",
                                     "\xEF\xBF\xBF",
                                     "\xEF\xBF",
                                     "\xF0\x8F\xBF\xBF",
                                     "\xF0\x90\x80\x80",
                                     "\xF4\x8F\xBF\xBF",
                                     "\xF4\x90\x80\x80",
                                     "\xF5\x80\x80\x80",
                                     "\xFF",
                                     "\xF0\x90\x80",
                                     "\xC3\xBC\xC3",
                                     "\xE2\x82\xAC\x80"};
  size_t valid = 0;
  for (const std::string_view piece : pieces) {
    for (size_t before = 0; before < 140; ++before) {
      for (const size_t after : {0u, 1u, 2u, 3u, 20u, 70u}) {
        std::string text(before, 'a');
        text += piece;
        text += std::string(after, 'b');
        EXPECT_EQ(is_utf8(text), is_utf8_scalar(text)) << before << ' ' << after;
        valid += is_utf8(text);
      }
    }
  }
  EXPECT_GT(valid, 0u);
  uint64_t state = 1;
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (int i = 0; i < 6; ++i) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      text += pieces[(state >> 33) % std::size(pieces)];
      text += std::string((state >> 50) % 24, 'x');
    }
    EXPECT_EQ(is_utf8(text), is_utf8_scalar(text));
  }
}

}  // namespace
}  // namespace winnow
