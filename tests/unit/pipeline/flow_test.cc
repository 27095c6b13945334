// The flow: every message delivered once, in order, whatever the lanes, budget and executor; the
// same evidence and verdict at every batch size.
#include "pipeline/flow.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "engine/score/render.h"
#include "pipeline/load.h"
#include "pipeline/lookup/answers.h"

namespace winnow {
namespace {

class FlowTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    RulesOptions options;
    options.cache = ::testing::TempDir() + "winnow-flow-cache";
    Result<Loaded> loaded = load_rules(options);
    ASSERT_TRUE(loaded) << loaded.error().text();
    rules_ = loaded->rules;
  }
  static void TearDownTestSuite() { rules_.reset(); }

  static Message message(size_t i, size_t body_bytes) {
    std::string text = fmt::format(
        "From: Sender {0} <s{0}@a.example>\nTo: r@b.example\nSubject: Re: number {0}\n"
        "Date: Tue, 20 Oct 2026 10:00:00 +0000\nMessage-Id: <{0}@a.example>\n\n",
        i);
    while (text.size() < body_bytes) text += "word after word, see http://c.example/ for more\n";
    Message out;
    out.bytes = MessageBytes(text);
    out.source = fmt::format("m{}", i);
    return out;
  }

  // Sizes that go through all three lanes and over the budget.
  static size_t size_of(size_t i) {
    constexpr size_t kSizes[] = {200, 5'000, 100'000, 300, 2'500'000, 90, 70'000, 1'000};
    return kSizes[i % std::size(kSizes)];
  }

  // One line a message, in the order of delivery.
  static std::vector<std::string> run(const FlowOptions& options, size_t count) {
    const TableAnswers answers(*rules_);
    const winnow::Run engine(rules_, answers, {.now_ms = 1'792'575'000'000});
    const RenderPlan render = make_render_plan(rules_->model);
    std::vector<std::string> lines;
    {
      Flow flow(engine, options, [&](const Case& one) {
        std::string line(one.evidence.source);
        render_json_fields(render, one.evidence, one.verdict, line);
        lines.push_back(std::move(line));
      });
      for (size_t i = 0; i < count; ++i) flow.submit(message(i, size_of(i)));
      flow.finish();
      EXPECT_EQ(flow.times().messages, count);
    }
    return lines;
  }

  static std::shared_ptr<const RuleSet> rules_;
};

std::shared_ptr<const RuleSet> FlowTest::rules_;

TEST_F(FlowTest, delivers_each_message_once_in_order_with_the_same_verdict) {
  constexpr size_t kCount = 64;
  const std::vector<std::string> expected = run({.threads = 1, .rows_max = 1}, kCount);
  ASSERT_EQ(expected.size(), kCount);
  for (size_t i = 0; i < kCount; ++i)
    EXPECT_EQ(expected[i].substr(0, expected[i].find('"')), fmt::format("m{}", i));
  struct Row {
    unsigned threads;
    uint32_t rows;
    uint64_t budget;
    bool plain;
    uint32_t bytes = 1 << 20;  // of a batch; twice as many are read ahead for each worker
  };
  for (const Row& row :
       {Row{1, 7, 48 << 20, false}, Row{2, 2, 48 << 20, false}, Row{2, 64, 48 << 20, false},
        Row{2, 65536, 1, false}, Row{2, 64, 200'000, true}, Row{3, 7, 1, true},
        Row{1, 64, 48 << 20, false, 1'000}, Row{2, 64, 48 << 20, false, 30'000},
        Row{1, 64, 48 << 20, true, 30'000}, Row{2, 7, 48 << 20, true, 1'000}}) {
    FlowOptions options;
    options.threads = row.threads;
    options.rows_max = row.rows;
    options.byte_budget = row.budget;
    options.plain_threads = row.plain;
    options.bytes_max = row.bytes;
    EXPECT_EQ(run(options, kCount), expected)
        << row.threads << " threads, " << row.rows << " rows, budget " << row.budget << ", bytes "
        << row.bytes;
  }
}

TEST_F(FlowTest, an_empty_run_ends) { EXPECT_TRUE(run({.threads = 2}, 0).empty()); }

}  // namespace
}  // namespace winnow
