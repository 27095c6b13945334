#include "engine/text/fold.h"

#include <gtest/gtest.h>

#include <string>

#include "engine/text/normalise.h"
#include "engine/text/utf8.h"

namespace winnow {
namespace {

std::string folded(std::string_view text) {
  Arena arena(1024, 4096);
  return std::string(fold_text(text, arena));
}

std::string normal(std::string_view text, bool word = false) {
  Arena arena(1024, 4096);
  ArenaText out(arena, 4);
  word ? normalise_word(text, out) : normalise(text, out);
  return std::string(out.finish());
}

struct Row {
  std::string_view name, text, expected;
};

TEST(Fold, shows_what_a_reader_sees) {
  const Row rows[] = {
      {"case", "ViAgRa", "viagra"},
      {"empty", "", ""},
      {"blanks only", " \r\n\t ", ""},
      {"blank runs", "  a\r\n\r\nlong \t line ", "a long line"},
      {"cyrillic look-alikes", "\u0440\u0430\u0443\u0440\u0430l", "paypal"},
      {"greek look-alikes", "\u0391\u03a1\u03a1LE", "apple"},
      {"mathematical bold", "\U0001D415\U0001D422\U0001D41A\U0001D420\U0001D42B\U0001D41A",
       "viagra"},
      {"mathematical capital I", "\U0001D408ng", "ing"},
      {"fullwidth", "\uff36\uff29\uff21", "via"},
      {"circled", "\u24e5\u24d8\u24d0", "via"},
      {"negative squared", "\U0001F185\U0001F178\U0001F170", "via"},
      {"small capitals", "\u1d20\u026a\u1d00\u0262\u0280\u1d00", "viagra"},
      {"diacritics", "V\u00ed\u00e4gr\u00e3 na\u00efve", "viagra naive"},
      {"combining", "v\u0301i\u0301a", "via"},
      {"sharp s and ligature", "Stra\u00dfe o\ufb03ce", "strasse office"},
      {"stroke", "M\u00f8\u0142", "mol"},
      {"zero width", "vi\u200bag\u200d\ufeffra", "viagra"},
      {"soft hyphen, bidi", "vi\u00ada\u202egra", "viagra"},
      {"tag characters", "vi\U000E0061a", "via"},
      {"spaced", "buy v i a g r a now", "buy viagra now"},
      {"spaced words", "b u y  v i a g r a", "buy viagra"},
      {"dotted", "V.I.A.G.R.A!", "viagra!"},
      {"dashes and underscores", "v-i_a-g*r-a", "viagra"},
      {"middle dots", "v\u00b7i\u00b7a\u2022g", "viag"},
      {"spaced cyrillic", "\u0434 \u0440 \u0443 \u0433", "\u0434pyr"},
      {"two letters stay", "a b", "a b"},
      {"last belongs to a word", "a b c def", "abc def"},
      {"third begins a word", "i a man", "i a man"},
      {"inside a word not", "xa b c", "xa b c"},
      {"digits stay", "1 2 3 4", "1 2 3 4"},
      {"no-break space", "a\u00a0\u00a0long", "a long"},
      {"han stays", "\u4e2d\u6587", "\u4e2d\u6587"},
      {"digits of any script", "\u0661\u0662 \u09e9", "12 3"},
      {"quotes and dashes", "\u201cx\u201d \u2019 \u2014", "\"x\" ' -"},
      {"leet is not undone", "v1agra", "v1agra"},
      {"controls dropped",
       std::string_view("a\x01"
                        "b\0c\x7f",
                        6),
       "abc"},
  };
  for (const Row& row : rows) EXPECT_EQ(folded(row.text), row.expected) << row.name;
}

TEST(Fold, stays_valid_and_bounded_on_every_code_point) {
  for (uint32_t point = 0; point < 0x110000; ++point) {
    if (point >= 0xD800 && point < 0xE000) continue;
    char bytes[4];
    const std::string_view text(bytes, put_point(bytes, point));
    const std::string once = folded(text);
    ASSERT_TRUE(is_utf8(once)) << point;
    ASSERT_LE(once.size(), text.size() * 9) << point;
    ASSERT_TRUE(is_utf8(normal(text))) << point;
  }
}

TEST(Fold, a_long_text_folds_as_its_pieces_do) {
  std::string text, expected;
  for (int i = 0; i < 3000; ++i) text += "\u0440\u0430y \u4e2d ", expected += "pay \u4e2d ";
  expected.pop_back();
  EXPECT_EQ(folded(text), expected);
  std::string spaced = "a";
  for (int i = 0; i < 100'000; ++i) spaced += " a";
  EXPECT_EQ(folded(spaced), std::string(100'001, 'a'));
  std::string halves, grown;
  const std::string half = folded("\u00bd");
  ASSERT_GT(half.size(), 2u);
  for (int i = 0; i < 20'000; ++i) halves += "\u00bd", grown += half;
  EXPECT_EQ(folded(halves), grown);
}

// Sixteen at a time and one at a time.
TEST(Fold, blocks_equal_single_characters) {
  uint64_t state = 7;
  for (int round = 0; round < 3000; ++round) {
    std::string text, expected;
    const int size = round % 67;
    for (int i = 0; i < size; ++i) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      const auto high = static_cast<uint32_t>(state >> 40);
      const bool any = round % 3 == 0 || high % 16 == 0;
      text.push_back(static_cast<char>(any ? high / 16 % 128 : 32 + high / 16 % 94));
      Arena arena;
      ArenaText one(arena, 4);
      skeleton(std::string_view(text).substr(text.size() - 1), one);
      expected += one.view();
    }
    Arena arena;
    ArenaText all(arena, 4);
    skeleton(text, all);
    ASSERT_EQ(all.view(), expected);
  }
}

TEST(Normalise, nfkc_and_lower_case) {
  const Row rows[] = {
      {"ascii", "Hello World", "hello world"},
      {"latin", "\u00c4\u00d6\u00dc", "\u00e4\u00f6\u00fc"},
      {"composes", "Cafe\u0301!", "caf\u00e9!"},
      {"ligature", "\ufb01n", "fin"},
      {"fullwidth", "\uff21\uff22", "ab"},
      {"cyrillic", "\u041f\u0420", "\u043f\u0440"},
      {"hangul jamo", "\u1112\u1161\u11ab", "\ud55c"},
      {"order of marks", "a\u0315\u0300", "\u00e0\u0315"},
      {"supplementary", "\U0001D400\U0001F600", "a\U0001F600"},
      {"longest expansion", "\ufdfa",
       "\u0635\u0644\u0649 \u0627\u0644\u0644\u0647 \u0639\u0644\u064a\u0647 "
       "\u0648\u0633\u0644\u0645"},
  };
  for (const Row& row : rows) EXPECT_EQ(normal(row.text), row.expected) << row.name;
  const Row words[] = {
      {"apostrophe", "Don't", "dont"},      {"number", "3.14", "314"},
      {"underscore", "AbC_DeF", "abc_def"}, {"zero width", "a\u200bb", "ab"},
      {"currency", "\u20ac5", "\u20ac5"},   {"mark after a letter", "e\u0301.", "\u00e9"},
  };
  for (const Row& row : words) EXPECT_EQ(normal(row.text, true), row.expected) << row.name;
}

TEST(Normalise, hostile_runs_of_marks_stay_valid) {
  std::string text = "a";
  for (int i = 0; i < 50'000; ++i) text += i % 2 ? "\u0301" : "\u0316";
  const std::string result = normal(text);
  EXPECT_TRUE(is_utf8(result));
  EXPECT_LE(result.size(), text.size() * 3);
}

}  // namespace
}  // namespace winnow
