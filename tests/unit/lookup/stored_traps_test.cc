// Spam traps in Redis, beside Debian's redis-server.
#include "pipeline/lookup/stored_traps.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <latch>
#include <optional>

#include "rules/checks/policy/trap_question.h"
#include "tests/unit/store/redis_process.h"

namespace winnow {
namespace {

std::unique_ptr<RedisClient> client_of(const std::string& socket) {
  RedisOptions options;
  options.timeout_ms = 60'000;
  options.read.list = options.write.list = {{.host = socket}};
  auto client = RedisClient::make(options);
  EXPECT_TRUE(client);
  return std::move(*client);
}

// A message that asks whether its recipients are traps.
struct Asking {
  Evidence evidence;
  explicit Asking(const std::vector<std::string_view>& recipients) {
    std::string question;
    write_trap_question("p_", recipients, question);
    evidence.questions.push_back(
        {.kind = QuestionKind::kStore, .type = kTrapNames, .key = evidence.slab.copy(question)});
    evidence.answers.emplace_back();
  }
  std::string told() const {
    const Answer& answer = evidence.answers[0];
    if (answer.state == AnswerState::kValue) return std::string(answer.values[0]);
    return answer.state == AnswerState::kNone   ? "none"
           : answer.state == AnswerState::kOpen ? "open"
                                                : "unknown";
  }
};

void wait_for(StoredTraps& traps, std::span<Asking* const> all) {
  const auto open = std::make_shared<std::latch>(static_cast<std::ptrdiff_t>(all.size()));
  for (Asking* const one : all)
    if (traps.ask(one->evidence, [open] { open->count_down(); })) open->count_down();
  open->wait();
}

std::string told(StoredTraps& traps, const std::vector<std::string_view>& recipients) {
  Asking one(recipients);
  Asking* all[] = {&one};
  wait_for(traps, all);
  return one.told();
}

class StoredTrapsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!RedisProcess::installed()) GTEST_SKIP() << "there is no redis-server";
    redis_.emplace();
    const auto client = client_of(redis_->socket());
    RedisBatch batch;
    batch.add("p_trap@x.example", {"SET", "p_trap@x.example", "1"});
    batch.add("p_empty@x.example", {"SET", "p_empty@x.example", ""});
    batch.add("p_@dom.example", {"SET", "p_@dom.example", "0"});
    batch.add("p_list@x.example", {"RPUSH", "p_list@x.example", "1"});
    ASSERT_TRUE(client->run(batch, RedisUse::kWrite));
  }
  std::optional<RedisProcess> redis_;
};

TEST_F(StoredTrapsTest, WhatAKeySays) {
  StoredTraps traps(client_of(redis_->socket()), [](const std::string& what) { FAIL() << what; });
  EXPECT_EQ(told(traps, {"trap@x.example"}), "trap@x.example");
  EXPECT_EQ(told(traps, {"Trap+a@x.example"}), "trap@x.example");
  EXPECT_EQ(told(traps, {"empty@x.example"}), "empty@x.example");
  EXPECT_EQ(told(traps, {"a@dom.example"}), "@dom.example");
  EXPECT_EQ(told(traps, {"a@x.example"}), "none");
  EXPECT_EQ(told(traps, {"a@x.example", "a@dom.example", "trap@x.example"}), "@dom.example");
  // A key of another kind is nobody's, and a trap behind it is one.
  EXPECT_EQ(told(traps, {"list@x.example"}), "unknown");
  EXPECT_EQ(told(traps, {"list@x.example", "trap@x.example"}), "trap@x.example");
}

TEST_F(StoredTrapsTest, OnlyItsOwnQuestionIsAnswered) {
  StoredTraps traps(client_of(redis_->socket()), [](const std::string&) {});
  Asking other({"trap@x.example"});
  other.evidence.questions[0].type = kTrapNames + 1;
  EXPECT_TRUE(traps.ask(other.evidence, [] { FAIL(); }));
  EXPECT_EQ(other.told(), "open");
}

TEST_F(StoredTrapsTest, MoreThanARoundHas) {
  std::vector<std::string> text;
  for (size_t i = 0; i + 2 < kTrapNamesMax; ++i) text.push_back(fmt::format("u{}@x.example", i));
  text.emplace_back("trap@x.example");
  const std::vector<std::string_view> recipients(text.begin(), text.end());
  const size_t round = StoredTraps::kRoundNamesMax / kTrapNamesMax;
  StoredTraps traps(client_of(redis_->socket()), [](const std::string& what) { FAIL() << what; });
  for (const size_t messages : {round, round + 1, 3 * round}) {
    std::deque<Asking> asking;
    std::vector<Asking*> all;
    for (size_t i = 0; i < messages; ++i) all.push_back(&asking.emplace_back(recipients));
    wait_for(traps, all);
    for (const Asking& one : asking) EXPECT_EQ(one.told(), "trap@x.example") << messages;
  }
}

TEST_F(StoredTrapsTest, WithoutRedisNobodyKnows) {
  std::vector<std::string> said;
  {
    StoredTraps traps(client_of(redis_->socket()),
                      [&](const std::string& what) { said.push_back(what); });
    EXPECT_EQ(told(traps, {"trap@x.example"}), "trap@x.example");
    redis_->kill();
    for (int i = 0; i < 3; ++i) EXPECT_EQ(told(traps, {"trap@x.example"}), "unknown");
  }
  ASSERT_EQ(said.size(), 1u);  // once a minute
  EXPECT_NE(said[0].find("whether recipients are traps is unknown"), std::string::npos);
}

TEST_F(StoredTrapsTest, WhoWaitsWhenItEndsIsAnswered) {
  std::deque<Asking> asking;
  std::atomic<int> ready = 0, at_once = 0;
  {
    StoredTraps traps(client_of(redis_->socket()), [](const std::string&) {});
    for (int i = 0; i < 100; ++i) {
      asking.emplace_back(std::vector<std::string_view>{"trap@x.example"});
      at_once += traps.ask(asking.back().evidence, [&] { ++ready; });
    }
  }
  EXPECT_EQ(ready, 100);
  EXPECT_EQ(at_once, 0);
  for (const Asking& one : asking) EXPECT_EQ(one.told(), "trap@x.example");
}

}  // namespace
}  // namespace winnow
