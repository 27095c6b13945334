// Paths and lists of the envelope (RFC 5321 4.1.2).
#include "ingest/envelope_address.h"

#include <gtest/gtest.h>

namespace winnow {
namespace {

TEST(EnvelopeAddress, is_the_mailbox_of_a_path) {
  const std::pair<const char*, const char*> rows[] = {
      {"<ann@x.example>", "ann@x.example"},
      {"ann@x.example", "ann@x.example"},
      {"<>", ""},
      {"", ""},
      {"<ann@x.example> SIZE=10 BODY=8BITMIME", "ann@x.example"},
      {"<@relay:ann@x.example>", "ann@x.example"},
      {"<@a.example,@b.example:ann@x.example>", "ann@x.example"},
      {"@relay:ann@x.example", "ann@x.example"},
      {"@", "@"},
      {"@:", ""},
      {"\"ann\"@x.example", "ann@x.example"},
      {"<\"a\\nn.b\"@x.example>", "ann.b@x.example"},
      {"<\"j\xc3\xb6rg\"@x.example>", "j\xc3\xb6rg@x.example"},
      // Quotes that are needed stay.
      {"<\"a b\"@x.example>", "\"a b\"@x.example"},
      {"<\"a@b\"@x.example>", "\"a@b\"@x.example"},
      {"<\"a>b\"@x.example>", "\"a>b\"@x.example"},
      {"<\"\"@x.example>", "\"\"@x.example"},
      {"<\"a.\"@x.example>", "\"a.\"@x.example"},
      {"<\".a\"@x.example>", "\".a\"@x.example"},
      {"<\"a..b\"@x.example>", "\"a..b\"@x.example"},
      {"\"@x.example", "\"@x.example"},
      // What never closes is taken to its end.
      {"<ann@x.example", "ann@x.example"},
      {"<", ""},
      {"<\"ann@x.example>", "\"ann@x.example>"},
      {"<\\", "\\"},
      {"ann", "ann"},
  };
  for (const auto& [path, mailbox] : rows) EXPECT_EQ(envelope_address(path), mailbox) << path;
}

std::string cut(std::string_view list) {
  std::string out;
  while (!list.empty()) out.append(take_address(list)).append("|");
  return out;
}

TEST(TakeAddress, commas_part_but_in_quotes_and_brackets) {
  EXPECT_EQ(cut("a@x,b@x"), "a@x|b@x|");
  EXPECT_EQ(cut("a@x"), "a@x|");
  EXPECT_EQ(cut(","), "|");
  EXPECT_EQ(cut("\"a,b\"@x,c@x"), "\"a,b\"@x|c@x|");
  EXPECT_EQ(cut("<@r,@s:a@x>,b@x"), "<@r,@s:a@x>|b@x|");
  EXPECT_EQ(cut("\"a\\\",b\"@x,c@x"), "\"a\\\",b\"@x|c@x|");
  EXPECT_EQ(cut("a\"@x,b@x"), "a\"@x|b@x|");
  EXPECT_EQ(cut("<a@x,b@x"), "<a@x|b@x|");
  EXPECT_EQ(cut("a\\"), "a\\|");
  // Looked ahead for so far, and no further.
  const std::string inside(1000, 'a'), beyond(1100, 'a');
  EXPECT_EQ(cut("<" + inside + ",b>,c"), "<" + inside + ",b>|c|");
  EXPECT_EQ(cut("<" + beyond + ",b>,c"), "<" + beyond + "|b>|c|");
  std::string open;
  for (int i = 0; i < 500'000; ++i) open += "<,";
  std::string_view rest = open;
  size_t count = 0;
  for (; !rest.empty(); ++count) EXPECT_EQ(take_address(rest), "<");
  EXPECT_EQ(count, 500'000);
}

}  // namespace
}  // namespace winnow
