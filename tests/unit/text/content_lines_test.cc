#include "engine/text/content_lines.h"

#include <gtest/gtest.h>

#include "engine/text/texts.h"

namespace winnow {
namespace {

TEST(ContentLines, folds_and_escapes_are_undone) {
  const struct {
    std::string_view text, expected;
  } rows[] = {
      {"", ""},
      {"SUMMARY:a\r\nEND:x\r\n", "SUMMARY:a\r\nEND:x\r\n"},
      {"URL:http://exam\r\n ple.com/a\r\n", "URL:http://example.com/a\r\n"},
      {"URL:http://exam\n\tple.com/a\n", "URL:http://example.com/a\n"},
      {"a\r\n  b", "a b"},
      {"a\n \n b\n ", "ab"},
      {"a\r b\n", "a\r b\n"},
      {"Join: https://a.example/1\\n\\nID\\Nnext", "Join: https://a.example/1\n\nID\nnext"},
      {"a\\, b\\; c\\\\n d", "a, b; c\\n d"},
      {"a\\:b\\tc\\", "a\\:b\\tc\\"},
      {"a\\\r\n nb", "a\nb"},
      {"a\\\r\nb", "a\\\r\nb"},
      {"\\", "\\"},
  };
  for (const auto& row : rows) {
    Arena arena;
    EXPECT_EQ(read_content_lines(row.text, arena), row.expected) << row.text;
  }
}

TEST(ContentLines, calendars_and_cards_are_read_so) {
  TextScratch scratch;
  for (const std::string_view subtype : {"calendar", "vcard", "x-vcard", "directory", "plain"}) {
    Batch batch;
    batch.add("", 0, {}, {});
    auto& part = batch.parts.values.emplace_back();
    part.type = "text";
    part.subtype = subtype;
    part.kind = PartKind::kText;
    part.decoded = "NOTE:one\\ntw\r\n o\r\n";
    batch.parts.end_row();
    texts({}, scratch, batch);
    const bool plain = subtype == "plain";
    EXPECT_EQ(batch.texts.row(0)[0].plain, plain ? "NOTE:one\\ntw\r\n o\r\n" : "NOTE:one\ntwo\r\n")
        << subtype;
  }
}

}  // namespace
}  // namespace winnow
