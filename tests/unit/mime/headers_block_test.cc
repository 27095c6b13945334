#include <fmt/format.h>
#include <gtest/gtest.h>

#include "engine/mime/from_line.h"
#include "engine/mime/header_line.h"
#include "tests/unit/mime/headers_fixture.h"
#include "tests/unit/mime/parsed.h"

namespace winnow {
namespace {

using namespace std::literals;

// name|flags|unfolded|decoded, one line a header.
std::string dump(const ParsedHeaders& parsed) {
  std::string out;
  for (const Header& h : parsed.batch.headers.row(0))
    out += fmt::format("{}|{}|{}|{}\n", h.name, h.flags, h.unfolded, h.decoded);
  return out;
}

struct Row {
  std::string_view name;
  std::string block;
  std::string_view expected;
  std::string_view faults;  // symbols, space separated
};

const Row kRows[] = {
    {"plain", "A: one\nB: two\n", "A|0|one|one\nB|0|two|two\n", ""},
    {"folds become one blank", "A: one\n\t  two\n three\n", "A|0|one two three|one two three\n",
     ""},
    {"value begins on the second line", "A:\n one\n", "A|0|one|one\n", ""},
    {"blank-only continuation", "A: one\n  \n two\n", "A|32|one  two|one  two\n", ""},
    {"no space, tab", "A:one\nB:\ttwo\nC:\n", "A|4|one|one\nB|8|two|two\nC|0||\n", ""},
    {"blank before the colon", "A : one\n", "A|1|one|one\n", ""},
    {"the first name with a blank before its colon", "From  : a@b\nTo\t: c@d\n",
     "From|1|a@b|a@b\nTo|1|c@d|c@d\n", ""},
    {"mbox line is malformed", "A: one\nFrom a@b Sat\nB: two\n", "A|0|one|one\nB|0|two|two\n",
     "BROKEN_HEADERS"},
    {"a quoted one hides nothing", "A: one\n>From a@b Sat Jan  6 10:00:00 2001\nB: two\n",
     "A|0|one|one\nB|0|two|two\n", ""},
    {"a quoted one without a date", "A: one\n>From a@b\nB: two\n", "A|0|one|one\nB|0|two|two\n",
     "BROKEN_HEADERS"},
    {"no colon", "A: one\nrubbish\n more rubbish\nB: two\n", "A|0|one|one\nB|0|two|two\n",
     "BROKEN_HEADERS"},
    {"inner blank in the name", "A: one\nthis is: text\n", "A|0|one|one\n", "BROKEN_HEADERS"},
    {"no name", ": one\n", "", "BROKEN_HEADERS"},
    {"continuation at the top", " one\nA: two\n", "A|0|two|two\n", "BROKEN_HEADERS"},
    {"no line end at the end", "A: one", "A|0|one|one\n", ""},
    {"NUL", "A: o\0ne\n"s, "A|0|o\0ne|one\n"sv, "HEADER_NUL"},
    {"UTF-8 stays", "A: \xc3\xa4\n", "A|16|\xc3\xa4|\xc3\xa4\n", ""},
    {"8-bit without charset", "A: caf\xe9\n", "A|16|caf\xe9|caf\xc3\xa9\n", "HEADER_8BIT"},
    {"8-bit in the charset of Content-Type",
     "A: \xcc\xee\xf1\xea\xe2\xe0\nContent-Type: text/plain; charset=windows-1251\n",
     "A|16|\xcc\xee\xf1\xea\xe2\xe0|\xd0\x9c\xd0\xbe\xd1\x81\xd0\xba\xd0\xb2\xd0\xb0\n"
     "Content-Type|0|text/plain; charset=windows-1251|text/plain; charset=windows-1251\n",
     "HEADER_8BIT"},
    {"UTF-8 with one cut character", "A: \xc3\xa4\xc3\xb6\xc3\xbc \xc3\n",
     "A|16|\xc3\xa4\xc3\xb6\xc3\xbc \xc3|\xc3\xa4\xc3\xb6\xc3\xbc \xef\xbf\xbd\n", "HEADER_8BIT"},
    {"encoded word over a fold", "A: =?utf-8?Q?=C3=A4?=\n =?utf-8?Q?=C3=B6?=\n",
     "A|2|=?utf-8?Q?=C3=A4?= =?utf-8?Q?=C3=B6?=|\xc3\xa4\xc3\xb6\n", ""},
    {"8-bit name", "\xc3\x84: one\n", "\xc3\x84|17|one|one\n", ""},
};

TEST(HeaderBlock, rows_with_every_line_end) {
  for (const Row& row : kRows) {
    for (std::string_view line_end : {"\n", "\r\n", "\r", "\r\r\n"}) {
      const ParsedHeaders parsed(with_line_ends(row.block, line_end));
      EXPECT_EQ(dump(parsed), row.expected) << row.name << " " << line_end.size();
      std::string faults;
      for (const FaultInfo& info : fault_table())
        if (parsed.has(info.fault))
          faults += (faults.empty() ? "" : " ") + std::string(info.symbol);
      EXPECT_EQ(faults, row.faults) << row.name;
    }
  }
}

TEST(HeaderBlock, mixed_line_ends_and_order) {
  const ParsedHeaders parsed("A: 1\rB: 2\r\nC: 3\nD: 4\r\r\nE: 5");
  ASSERT_EQ(parsed.count, 5u);
  for (uint32_t i = 0; i < 5; ++i) {
    EXPECT_EQ(parsed.header(i).order, i);
    EXPECT_EQ(parsed.header(i).unfolded, std::string(1, static_cast<char>('1' + i)));
  }
}

TEST(HeaderBlock, an_unfolded_value_is_a_view_of_the_message) {
  const ParsedHeaders parsed("Subject: one\n");
  const Header& header = parsed.header(0);
  EXPECT_EQ(header.unfolded.data(), parsed.text.data() + 9);
  EXPECT_EQ(header.decoded.data(), header.unfolded.data());
  EXPECT_EQ(header.raw, " one");
  EXPECT_EQ(parsed.batch.arena.used_bytes(), 0u);
}

// What the block alone does not say: the charset of the message's first text.
TEST(HeaderBlock, raw_subject_is_in_the_charset_of_the_text) {
  struct RawRow {
    std::string_view name, message, subject;
  };
  const RawRow rows[] = {
      {"by statistics over both",
       "Subject: \316\362\367\345\362 \347\340 \355\356\377\341\360\374\n\n"
       "\316\362\367\345\362 \347\340 \355\356\377\341\360\374 \350 \357\353\340\355 \355\340 "
       "\344\345\352\340\341\360\374. \314\373 \360\340\344\373 \361\356\356\341\371\350\362\374 "
       "\342\340\354 \356 \355\356\342\373\365 \363\361\353\356\342\350\377\365 "
       "\360\340\341\356\362\373.",
       "Отчет за ноябрь"},
      {"declared below",
       "Subject: \xD7\xE8\xF2\nContent-Type: multipart/mixed; boundary=b\n\n--b\n"
       "Content-Type: text/plain; charset=windows-1251\n\nx\n--b--\n",
       "Чит"},
      {"declared by default",
       "Subject: \316\362\367\345\362 \347\340 \355\356\377\341\360\374\n"
       "Content-Type: multipart/alternative; boundary=b\n\n--b\n"
       "Content-Type: text/plain; charset=iso-8859-1\n\nx\n--b--\n",
       "Отчет за ноябрь"},
      {"declared by default, and so",
       "Subject: caf\xE9\nContent-Type: multipart/mixed; boundary=b\n\n--b\n"
       "Content-Type: text/plain; charset=iso-8859-1\n\nx\n--b--\n",
       "café"},
      {"a header is made of bytes, whatever its first two are",
       "Subject: \xFF\xFE caf\xE9 \xE9\xE9\xE9\xE9\xE9\xE9\n\nx\n", "ÿþ café éééééé"},
      {"a text of ASCII says nothing", "Subject: caf\xE9\n\nplain\n", "café"},
      {"ISO-2022-JP",
       "Subject: Re: \x1B$B2q5D\x1B(B\nContent-Type: text/plain; charset=iso-2022-jp\n\nx\n",
       "Re: 会議"},
      {"escapes of another text", "Subject: \x1B$B2q5D\x1B(B\n\nx\n", "\x1B$B2q5D\x1B(B"},
  };
  Parsed parsed;
  for (const RawRow& row : rows) {
    parsed.run(row.message);
    EXPECT_EQ(parsed.batch.headers.row(0)[parsed.batch.facts[0].subject].decoded, row.subject)
        << row.name;
  }
}

TEST(HeaderBlock, raw_keeps_folds_and_loses_its_last_line_end) {
  const ParsedHeaders parsed("Subject: one\r\n two\r\nX: y\r\n");
  EXPECT_EQ(parsed.header(0).raw, " one\r\n two");
}

TEST(HeaderBlock, limits) {
  Limits limits;
  limits.headers_max = 3;
  std::string text;
  for (int i = 0; i < 3; ++i) text += "A: one\n";
  EXPECT_FALSE(ParsedHeaders(text, limits).has(Fault::kLimitHeaders));
  const ParsedHeaders over(text + "A: one\n", limits);
  EXPECT_EQ(over.count, 3u);
  EXPECT_TRUE(over.has(Fault::kLimitHeaders));

  limits = Limits{};
  limits.header_bytes_max = 10;
  EXPECT_FALSE(ParsedHeaders("A: 123456789\n", limits).has(Fault::kLimitHeaders));
  const ParsedHeaders cut("A: 123\n 45\n 6789\nB: x\n", limits);
  EXPECT_TRUE(cut.has(Fault::kLimitHeaders));
  EXPECT_EQ(cut.header(0).unfolded, "123 45 ");
  EXPECT_EQ(cut.header(1).unfolded, "x");

  limits = Limits{};
  limits.header_block_bytes_max = 8;
  const ParsedHeaders block("A: 1234\nB: 5678\n", limits);
  EXPECT_TRUE(block.has(Fault::kLimitHeaders));
  EXPECT_EQ(block.count, 1u);
}

TEST(HeaderBlock, a_hundred_thousand_headers_and_lines) {
  Limits limits;
  limits.headers_max = 1'000'000;
  std::string many, folded = "A: x\n";
  for (int i = 0; i < 100'000; ++i) many += "A: x\n", folded += " y\n";
  EXPECT_EQ(ParsedHeaders(many, limits).count, 100'000u);
  const ParsedHeaders one(folded, limits);
  EXPECT_EQ(one.count, 1u);
  EXPECT_EQ(one.header(0).unfolded.size(), 1u + 2 * 100'000u);
}

TEST(HeaderBlock, duplicates_set_a_fault) {
  EXPECT_TRUE(ParsedHeaders("Subject: a\nsubject: b\n").has(Fault::kHeaderDuplicate));
  EXPECT_FALSE(ParsedHeaders("Received: a\nReceived: b\n").has(Fault::kHeaderDuplicate));
  const ParsedHeaders two("X: 1\nSubject: a\nSubject: b\nMessage-ID: <a@b> x\n");
  EXPECT_EQ(two.batch.facts[0].subject, 1u);
  EXPECT_EQ(two.batch.facts[0].message_id, 3u);
  EXPECT_EQ(two.batch.facts[0].message_id_value, "a@b");
}

TEST(FromLine, has_a_date) {
  struct FromRow {
    std::string_view line;
    bool begins, is;
  };
  const FromRow rows[] = {
      {"From a@b.example Mon Jan  1 10:00:00 2001", true, true},
      {"From - Mon Jan 01 00:00:00 2001", true, true},
      {"From \"a b\"@c.example Mon Jan  1 10:00 2001\r\n", true, true},
      {"From a:b@c.example Mon, 1 Jan 2001 10:00:00 +0000", true, true},
      {"From a@b.example 2001-01-01T10:00:00Z", true, true},
      {"From a@b.example 2001-01-01 10:00", true, true},
      {"From a@b.example Mon Jan  1 2001", true, false},
      {"From nobody", true, false},
      {"From -", true, false},
      {"From now on at 10:30 see http://a.example/", true, false},
      {"From 10:30", true, false},
      {"From x T10:30", true, false},
      {"From : a@b 1 10:30", false, false},
      {"From  \t: a@b", false, false},
      {"From: a@b", false, false},
      {"from a@b Mon Jan  1 10:00:00 2001", false, false},
      {">From a@b Mon Jan  1 10:00:00 2001", false, false},
      {"From", false, false},
      {"", false, false},
  };
  for (const FromRow& row : rows) {
    EXPECT_EQ(begins_as_from_line(row.line), row.begins) << row.line;
    EXPECT_EQ(is_from_line(row.line), row.is) << row.line;
  }
}

TEST(FromLine, stands_above_the_headers) {
  struct PastRow {
    std::string_view text;
    size_t message, part;
  };
  const PastRow rows[] = {
      {"From a 1 10:00\nA: b\n", 15, 15},
      {"From a 1 10:00\r\n>From b 1 10:00\r\nA: b\n", 33, 33},
      {"From a 1 10:00", 14, 14},
      {"From nobody\nA: b\n", 12, 0},
      {"From a 1 10:00\n>From nobody\nA: b\n", 28, 15},
      {"From now on\nit is text\n", 0, 0},
      {"From now on\n\ntext: x\n", 0, 0},
      {"From : a@b\nA: b\n", 0, 0},
      {"A: b\nFrom a 1 10:00\n", 0, 0},
      {"", 0, 0},
  };
  for (const PastRow& row : rows) {
    EXPECT_EQ(past_from_lines(row.text, true), row.message) << row.text;
    EXPECT_EQ(past_from_lines(row.text, false), row.part) << row.text;
  }
}

struct EndRow {
  std::string_view text;
  size_t block, body;
  bool terminated;
  size_t malformed;
};
constexpr EndRow kEnds[] = {
    {"A: b\n\nbody", 5, 6, true, HeaderEnd::npos},
    {"A: b\r\n\r\nbody", 6, 8, true, HeaderEnd::npos},
    {"A: b\r\rbody", 5, 6, true, HeaderEnd::npos},
    {"A: b\r\r\nC: d\r\r\n\r\r\nbody", 14, 17, true, HeaderEnd::npos},
    {"A: b\n\r\nbody", 5, 7, true, HeaderEnd::npos},
    {"\nbody", 0, 1, true, HeaderEnd::npos},
    {"A: b\n", 5, 5, false, HeaderEnd::npos},
    {"A: b\n \nbody is here\n", 20, 20, false, 7},
    {"body is here", 12, 12, false, 0},
    {"", 0, 0, false, HeaderEnd::npos},
    {"A: 0123456789012345678901234567890123456789\n\nbody", 44, 45, true, HeaderEnd::npos},
};
TEST(HeaderEnd, rows) {
  for (const EndRow& row : kEnds) {
    const HeaderEnd end = find_header_end(row.text);
    EXPECT_EQ(end.block, row.block) << row.text;
    EXPECT_EQ(end.body, row.body) << row.text;
    EXPECT_EQ(end.terminated, row.terminated) << row.text;
    EXPECT_EQ(end.malformed, row.malformed) << row.text;
  }
}

// Pseudo-random texts over the bytes that matter, by a generator that is the same everywhere.
TEST(HeaderLine, the_fast_scan_agrees_with_its_scalar_twin) {
  constexpr std::string_view kBytes("\n\r=?\0\x80xyz :", 11);
  uint64_t state = 1;
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    const size_t size = static_cast<size_t>(round % 90);
    while (text.size() < size) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      const size_t pick = (state >> 33) % 64;
      text += pick < kBytes.size() ? kBytes[pick] : 'a';
    }
    size_t at = 0;
    while (true) {
      const HeaderLine fast = next_header_line(text, at);
      const HeaderLine slow = next_header_line_scalar(text, at);
      ASSERT_EQ(fast.end, slow.end);
      ASSERT_EQ(fast.next, slow.next);
      ASSERT_EQ(fast.seen, slow.seen);
      ASSERT_EQ(find_empty_line(text, at), find_empty_line_scalar(text, at));
      if (fast.next == at) break;
      at = fast.next;
    }
  }
}

}  // namespace
}  // namespace winnow
