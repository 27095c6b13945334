#include <gtest/gtest.h>

#include <string>

#include "engine/mime/encoded_word.h"
#include "engine/text/utf8.h"

namespace winnow {
namespace {

using namespace std::literals;

constexpr std::string_view kWord = "ENCODED_WORD_BROKEN", kUnknown = "CHARSET_UNKNOWN";

struct Row {
  std::string_view name;
  std::string text;
  std::string_view expected;
  std::string_view fault = "";  // the one fault that is set
};

const Row kRows[] = {
    // RFC 2047 section 8
    {"(a)", "(=?ISO-8859-1?Q?a?=)", "(a)"},
    {"(a b)", "(=?ISO-8859-1?Q?a?= b)", "(a b)"},
    {"(ab)", "(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)"},
    {"(ab), two blanks", "(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)", "(ab)"},
    {"(a b), underscore", "(=?ISO-8859-1?Q?a_b?=)", "(a b)"},
    {"(a b), two words", "(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "(a b)"},
    {"latin", "=?ISO-8859-1?Q?Andr=E9?= Pirard", "Andr\xc3\xa9 Pirard"},
    {"base64", "=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=", "If you can read this yo"},
    {"language", "=?utf-8*en?Q?a?=", "a"},
    {"lower case letters", "=?UTF-8?b?w6Q=?= =?utf-8?q?=c3=a4?=", "\xc3\xa4\xc3\xa4"},
    // As real mail has them
    {"character over two words, Q", "=?utf-8?Q?=C3?= =?utf-8?Q?=A4?=", "\xc3\xa4"},
    {"character over two words, B", "=?utf-8?B?ww==?= =?utf-8?B?pA==?=", "\xc3\xa4"},
    {"character over B and Q", "=?utf-8?B?ww==?= =?utf-8?Q?=A4?=", "\xc3\xa4"},
    {"base64 group over two words", "=?utf-8?B?SGVsb?= =?utf-8?B?G8=?=", "Hello"},
    {"no padding", "=?utf-8?B?SGVsbG8?= =?utf-8?B?SGVsbG8?=", "HelloHello"},
    {"padding in the middle", "=?utf-8?B?YQ==Yg==?=", "ab"},
    {"no blank between words", "=?utf-8?Q?a?==?utf-8?Q?b?=", "ab"},
    {"no blank before and after", "x=?utf-8?Q?a?=y", "xay"},
    {"inside quotes", "\"=?utf-8?Q?a?=\" <a@b>", "\"a\" <a@b>"},
    {"blanks in Q", "=?utf-8?Q?a b?=", "a b", kWord},
    {"question mark in Q", "=?utf-8?Q?why?=20now?= x", "why? now x"},
    {"question marks at the end", "=?utf-8?Q?why?\?=", "why?"},
    {"missing end", "=?utf-8?Q?a=20b", "a b", kWord},
    {"half of the end", "=?utf-8?B?YWI=?", "ab", kWord},
    {"missing end before a word", "=?utf-8?Q?a =?utf-8?Q?b?=", "ab", kWord},
    {"bad base64", "=?utf-8?B?Y!WI=?=", "ab", kWord},
    {"one base64 letter too many", "=?utf-8?B?YWJjY?=", "abc", kWord},
    {"bad escape", "=?utf-8?Q?a=ZZ?=", "a=ZZ", kWord},
    {"bytes do not fit", "=?utf-8?Q?a=FF?=", "a\xef\xbf\xbd", kWord},
    {"unknown charset, UTF-8", "=?x-nonsense?Q?=C3=A4?=", "\xc3\xa4", kUnknown},
    {"unknown charset, not UTF-8", "=?x-nonsense?Q?=E4?=", "\xc3\xa4", kUnknown},
    {"no charset", "=??Q?a?=", "a", kUnknown},
    {"empty word", "=?utf-8?Q?\?= x", " x"},
    {"koi8-r", "=?koi8-r?B?08zPx88=?=", "\xd1\x81\xd0\xbb\xd0\xbe\xd0\xb3\xd0\xbe"},
    {"iso-2022-jp", "=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "\xe6\x97\xa5\xe6\x9c\xac"},
    {"utf-16", "=?utf-16be?B?AGEAYg==?=", "ab"},
    {"line end hidden in a word", "=?utf-8?Q?a=0D=0ABcc:_x?=", "a  Bcc: x"},
    {"NUL hidden in a word", "=?utf-8?Q?a=00b?=", "ab"},
    {"NUL outside", "a\0b"s, "ab"},
    {"text between different words", "=?utf-8?Q?a?= - =?utf-8?Q?b?=", "a - b"},
    // No words
    {"no encoding", "=?utf-8?X?a?=", "=?utf-8?X?a?="},
    {"blank in charset", "=?utf 8?Q?a?=", "=?utf 8?Q?a?="},
    {"cut after the charset", "=?utf-8?", "=?utf-8?"},
    {"signs", "a =? b ?= c", "a =? b ?= c"},
    {"8-bit beside a word", "\xe9 =?utf-8?Q?a?=", "\xc3\xa9 a", "HEADER_8BIT"},
};

TEST(EncodedWord, rows) {
  const Limits limits;
  HeaderScratch scratch;
  Arena arena;
  for (const Row& row : kRows) {
    Faults faults, expected;
    for (const FaultInfo& info : fault_table())
      if (info.symbol == row.fault) expected.set(info.fault);
    const DecodedText decoded = decode_header_text(row.text, limits, scratch, arena, faults);
    EXPECT_EQ(decoded.text, row.expected) << row.name;
    EXPECT_EQ(faults.bits, expected.bits) << row.name;
    EXPECT_TRUE(is_utf8(decoded.text)) << row.name;
    EXPECT_EQ(needs_decoding(row.text),
              row.text.find("=?") != std::string::npos || row.text.find('\0') != std::string::npos)
        << row.name;
  }
}

TEST(EncodedWord, plain_text_is_not_copied) {
  HeaderScratch scratch;
  Arena arena;
  Faults faults;
  const std::string_view text = "plain text = ? \xc3\xa4";
  EXPECT_EQ(decode_header_text(text, Limits{}, scratch, arena, faults).text.data(), text.data());
  EXPECT_EQ(arena.used_bytes(), 0u);
}

TEST(EncodedWord, limit) {
  Limits limits;
  limits.encoded_words_max = 2;
  HeaderScratch scratch;
  Arena arena;
  Faults faults;
  const std::string_view two = "=?utf-8?Q?a?= =?utf-8?Q?b?=";
  EXPECT_EQ(decode_header_text(two, limits, scratch, arena, faults).text, "ab");
  EXPECT_FALSE(faults.any());
  EXPECT_EQ(decode_header_text("x =?utf-8?Q?c?=", limits, scratch, arena, faults).text,
            "x =?utf-8?Q?c?=");
  EXPECT_TRUE(faults.has(Fault::kLimitEncodedWords));
}

// Each of these made a parser that looks ahead from every start quadratic: a million bytes of
// them would not end within the test's time.
TEST(EncodedWord, hostile_texts_end) {
  Limits limits;
  limits.encoded_words_max = 1'000'000;
  HeaderScratch scratch;
  Arena arena;
  for (std::string_view piece :
       {"=?", "=?a?Q?", "=?a?Q?x", "?=", "=?a?Q?=41?=41", "=?a?Q?b?=41 ", "=?a?B?Y?=", "=?a?q? "}) {
    std::string text;
    while (text.size() < 1'000'000) text += piece;
    Faults faults;
    scratch.encoded_words = 0;
    EXPECT_TRUE(is_utf8(decode_header_text(text, limits, scratch, arena, faults).text));
    arena.reset();
  }
}

}  // namespace
}  // namespace winnow
