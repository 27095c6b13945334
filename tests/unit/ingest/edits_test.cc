// Edits applied to messages, and as the object of replies.
#include "ingest/http/edits.h"

#include <gtest/gtest.h>

namespace winnow {
namespace {

Edit edit(EditKind kind, int32_t position, std::string_view name, std::string value) {
  return {kind, position, name, std::move(value)};
}
constexpr auto kAdd = EditKind::kAddHeader;
constexpr auto kRemove = EditKind::kRemoveHeader;

struct Row {
  const char* name;
  std::string message;
  std::vector<Edit> edits;
  std::string expected;
};

TEST(Edits, Apply) {
  const std::string three = "A: 1\nB: 2\n folded\na: 3\n\nbody\n";
  const Row rows[] = {
      {"nothing", three, {}, three},
      {"nothing_of_nothing", "", {}, ""},
      {"remove_all", three, {edit(kRemove, 0, "A", "")}, "B: 2\n folded\n\nbody\n"},
      {"remove_second", three, {edit(kRemove, 2, "a", "")}, "A: 1\nB: 2\n folded\n\nbody\n"},
      {"remove_last", three, {edit(kRemove, -1, "a", "")}, "A: 1\nB: 2\n folded\n\nbody\n"},
      {"remove_beyond", three, {edit(kRemove, 3, "a", ""), edit(kRemove, -3, "a", "")}, three},
      {"remove_folded", three, {edit(kRemove, 1, "b", "")}, "A: 1\na: 3\n\nbody\n"},
      {"add_at_end",
       three,
       {edit(kAdd, -1, "N", "x")},
       "A: 1\nB: 2\n folded\na: 3\nN: x\n\nbody\n"},
      {"add_on_top", three, {edit(kAdd, 1, "N", "x")}, "N: x\nA: 1\nB: 2\n folded\na: 3\n\nbody\n"},
      {"add_beyond",
       "A: 1\n\n",
       {edit(kAdd, 99, "N", "x"), edit(kAdd, -99, "M", "y")},
       "M: y\nA: 1\nN: x\n\n"},
      {"replaced_not_removed",
       "N: old\r\n\r\n",
       {edit(kRemove, 0, "N", ""), edit(kAdd, 0, "N", "a;\n\tb")},
       "N: a;\r\n\tb\r\n\r\n"},
      {"value_cannot_be_a_header",
       "A: 1\n\n",
       {edit(kAdd, 0, "N", "x\r\nEvil: y\n\nbody")},
       "A: 1\nN: x\n\tEvil: y\n\t\n\tbody\n\n"},
      {"subject",
       "Subject: a\nA: 1\n\nb",
       {edit(EditKind::kRewriteSubject, 0, "", "*** a")},
       "A: 1\nSubject: *** a\n\nb"},
      {"body",
       "A: 1\r\n\r\nb",
       {edit(EditKind::kReplaceBody, 0, "", "new\r\n")},
       "A: 1\r\n\r\nnew\r\n"},
      {"cut_head", "A: 1", {edit(kAdd, -1, "N", "x")}, "A: 1"},
      {"not_headers", "no header\n\nb", {edit(kRemove, 0, "no header", "")}, "no header\n\nb"},
  };
  for (const Row& row : rows)
    EXPECT_EQ(apply_edits(row.message, row.edits), row.expected) << row.name;
}

TEST(Edits, Object) {
  const auto text = [](const std::vector<Edit>& edits) {
    std::string out;
    append_milter_object(edits, "", out);
    return out;
  };
  EXPECT_EQ(text({}), "");
  EXPECT_EQ(text({edit(kRemove, 0, "X-Spam", "")}), R"({"remove_headers":{"X-Spam":0}})");
  EXPECT_EQ(
      text({edit(kAdd, -1, "A", "1"), edit(kRemove, 2, "a", ""), edit(kAdd, 0, "B", "2\n\t\""),
            edit(kAdd, 1, "A", "3"), edit(kRemove, -1, "A", "")}),
      R"({"add_headers":{"A":[{"value":"1","order":-1},{"value":"3","order":1}],)"
      R"("B":"2\n\t\""},"remove_headers":{"a":[2,-1]}})");
  EXPECT_EQ(
      text({edit(EditKind::kAddRecipient, 0, "", "a@b"), edit(EditKind::kChangeFrom, 0, "", "c"),
            edit(EditKind::kRemoveRecipient, 0, "", "d"), edit(EditKind::kAddRecipient, 0, "", "e"),
            edit(EditKind::kQuarantine, 0, "", "why")}),
      R"({"change_from":"c","reject":"quarantine","add_rcpt":["a@b","e"],"del_rcpt":["d"]})");
}

}  // namespace
}  // namespace winnow
