#include "engine/mime/phrase.h"

#include <gtest/gtest.h>

#include "engine/mime/encoded_word.h"

namespace winnow {
namespace {

std::string decoded_word(std::string_view word) {
  Arena arena;
  HeaderScratch scratch;
  Faults faults;
  return std::string(decode_header_text(word, Limits{}, scratch, arena, faults).text);
}

TEST(Phrase, forms) {
  const struct {
    std::string name, expected;
  } rows[] = {
      {"Ann Orchard", "Ann Orchard"},
      {"Ann via list-one", "Ann via list-one"},
      {"Orchard, Ann", "\"Orchard, Ann\""},
      {"A \"B\" \\ C", "\"A \\\"B\\\" \\\\ C\""},
      {"", "\"\""},
      {" x", "\" x\""},
      {"a@b.example", "\"a@b.example\""},
      {"caf\xc3\xa9", "=?UTF-8?B?Y2Fmw6k=?="},
      {"=?x", "=?UTF-8?B?PT94?="},
      {"a\nb", "=?UTF-8?B?YQpi?="},
  };
  for (const auto& row : rows) EXPECT_EQ(write_phrase(row.name), row.expected) << row.name;
}

TEST(Phrase, unstructured) {
  const struct {
    std::string text, expected;
  } rows[] = {
      {"", ""},
      {"[SPAM] Hello, \"you\"", "[SPAM] Hello, \"you\""},
      {"=?x", "=?UTF-8?B?PT94?="},
      {"a\r\nX-Evil: b", "=?UTF-8?B?YQ0KWC1FdmlsOiBi?="},
      {std::string(44, 'a') + "\xc3\xa9z",
       "=?UTF-8?B?YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=?= =?UTF-8?B?w6l6?="},
  };
  for (const auto& row : rows) EXPECT_EQ(write_unstructured(row.text), row.expected) << row.text;
}

TEST(Phrase, folding) {
  const std::string word(20, 'a'), three = word + ' ' + word + ' ' + word;
  const struct {
    std::string text;
    size_t taken;
    std::string expected;
  } rows[] = {
      {"", 9, ""},
      {"short", 9, "short"},
      {three + ' ' + std::string(6, 'b'), 9, three + ' ' + std::string(6, 'b')},
      {three + ' ' + std::string(7, 'b'), 9, three + "\n " + std::string(7, 'b')},
      {three + ' ' + three + ' ' + three, 9, three + "\n " + three + "\n " + three},
      {std::string(200, 'a'), 9, std::string(200, 'a')},
      {std::string(200, 'a') + " b", 9, std::string(200, 'a') + "\n b"},
      {"a" + std::string(200, ' ') + "b", 9, "a\n" + std::string(200, ' ') + "b"},
      {std::string(90, ' ') + "b", 9, std::string(90, ' ') + "b"},
      {"a" + std::string(200, ' '), 9, "a" + std::string(200, ' ')},
  };
  for (const auto& row : rows) EXPECT_EQ(fold_unstructured(row.text, row.taken), row.expected);
}

// No line is too long, no character is in two words, and all of it is read back.
TEST(Phrase, long_names) {
  for (const std::string one : {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "a"})
    for (size_t count : {10u, 44u, 45u, 46u, 90u, 91u}) {
      std::string name = "\xc3\xa9";
      for (size_t i = 0; i < count; ++i) name += one;
      const std::string written = write_phrase(name);
      size_t begin = 0;
      std::string read;
      while (begin < written.size()) {
        const size_t end = std::min(written.find("\n\t", begin), written.size());
        EXPECT_LE(end - begin, 75u);
        const std::string word = decoded_word(written.substr(begin, end - begin));
        // Each word alone is valid.
        EXPECT_TRUE(word.empty() || (static_cast<uint8_t>(word[0]) & 0xC0) != 0x80) << name;
        read += word;
        begin = end + 2;
      }
      EXPECT_EQ(read, name);
    }
}

}  // namespace
}  // namespace winnow
