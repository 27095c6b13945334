#include "pipeline/lookup/table.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace winnow {
namespace {

std::string dump(const Answer& answer) {
  switch (answer.state) {
    case AnswerState::kOpen:
      return "open";
    case AnswerState::kNone:
      return answer.name_exists ? "none" : "nxdomain";
    case AnswerState::kUnknown:
      return fmt::format("unknown {}", static_cast<int>(answer.reason));
    case AnswerState::kValue:
      break;
  }
  return fmt::format("{}", fmt::join(answer.values, " "));
}

AnswerTable table(Absent absent) {
  AnswerTable out(absent);
  const TableRecord records[] = {
      {"Example.COM.", "txt", {"v=spf1 -all", "other"}, ""},
      {"example.com", "TXT", {"third"}, ""},
      {"example.com", "mx", {}, "norec"},
      {"gone.example", "a", {}, "nxdomain"},
      {"slow.example", "", {}, "timeout"},
      {"bad.example", "a", {}, "servfail"},
      {"www.example.com", "cname", {"a1.example.com."}, ""},
      {"a1.example.com", "cname", {"A2.example.com"}, ""},
      {"a2.example.com", "a", {"192.0.2.1"}, ""},
      {"loop.example", "cname", {"loop.example"}, ""},
      {"out.example", "cname", {"elsewhere.example"}, ""},
  };
  for (const TableRecord& record : records) EXPECT_TRUE(out.add(record));
  return out;
}

TEST(AnswerTable, answers) {
  const struct {
    const char* type;
    const char* name;
    const char* expected;
  } rows[] = {{"TXT", "example.com", "v=spf1 -all other third"},
              {"TXT", "EXAMPLE.com.", "v=spf1 -all other third"},
              {"MX", "example.com", "none"},
              {"A", "example.com", "none"},
              {"A", "gone.example", "nxdomain"},
              {"A", "slow.example", "unknown 1"},
              {"PTR", "slow.example", "unknown 1"},
              {"A", "bad.example", "unknown 2"},
              {"A", "www.example.com", "192.0.2.1"},
              {"CNAME", "www.example.com", "a1.example.com."},
              {"AAAA", "www.example.com", "none"},
              {"A", "loop.example", "unknown 4"},
              {"A", "out.example", "nxdomain"},
              {"A", "absent.example", "nxdomain"}};
  const AnswerTable records = table(Absent::kNxDomain);
  Arena slab;
  for (const auto& row : rows) {
    const Question question{.type = dns_type(row.type), .key = row.name};
    EXPECT_EQ(dump(records.answer(question, slab)), row.expected) << row.type << ' ' << row.name;
  }
}

TEST(AnswerTable, without_a_network_what_is_absent_is_unknown) {
  const AnswerTable records = table(Absent::kUnknown);
  Arena slab;
  EXPECT_EQ(dump(records.answer({.type = 1, .key = "absent.example"}, slab)), "unknown 6");
  EXPECT_EQ(dump(records.answer({.type = 1, .key = "out.example"}, slab)), "unknown 6");
  EXPECT_EQ(dump(records.answer({.type = 1, .key = "example.com"}, slab)), "none");
  EXPECT_EQ(dump(records.answer({.kind = QuestionKind::kStore, .key = "example.com"}, slab)),
            "unknown 6");
}

TEST(AnswerTable, answers_what_is_open_and_nothing_else) {
  const AnswerTable records = table(Absent::kUnknown);
  Evidence evidence;
  evidence.questions = {{.type = 16, .key = "example.com"}, {.type = 1, .key = "a2.example.com"}};
  evidence.answers.resize(2);
  evidence.answers[0] = {.state = AnswerState::kUnknown, .reason = UnknownReason::kTimeout};
  EXPECT_EQ(records.answer_open(evidence), 1u);
  EXPECT_EQ(dump(evidence.answers[0]), "unknown 1");
  EXPECT_EQ(dump(evidence.answers[1]), "192.0.2.1");
  EXPECT_EQ(records.answer_open(evidence), 0u);
}

TEST(AnswerTable, refuses_unknown_types_and_rcodes) {
  AnswerTable records;
  EXPECT_FALSE(records.add({"a", "wrong", {}, ""}));
  EXPECT_FALSE(records.add({"a", "a", {}, "perhaps"}));
  EXPECT_EQ(dns_type_name(16), "TXT");
  EXPECT_EQ(dns_type_name(9999), "");
}

}  // namespace
}  // namespace winnow
