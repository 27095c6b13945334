// Marks that outlive an engine, and what becomes of messages that one may have died of.
#include "pipeline/suspects.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <latch>
#include <vector>

#include "pipeline/lookup/answers.h"
#include "pipeline/service.h"

namespace winnow {
namespace {

Marks marks() {
  Result<Marks> made = Marks::create();
  EXPECT_TRUE(made) << made.error().text();
  return std::move(*made);
}

TEST(Marks, WhatADeadEngineScannedIsSuspectInAllThatFollow) {
  Marks ours = marks();
  const uint64_t a = ours.digest("a"), b = ours.digest("b"), c = ours.digest("c");
  EXPECT_NE(a, b);
  EXPECT_FALSE(ours.any());
  EXPECT_EQ(ours.oldest_ms(1), INT64_MAX);
  ours.begin(1, 0, std::vector{a, b}, 1000);
  ours.begin(1, 7, std::vector{c}, 900);
  ours.begin(0, 0, std::vector{c}, 1);
  EXPECT_EQ(ours.oldest_ms(1), 900);
  ours.end(1, 7);
  EXPECT_EQ(ours.oldest_ms(1), 1000);

  Result<Marks> theirs = Marks::open(::dup(ours.fd()));
  ASSERT_TRUE(theirs);
  EXPECT_EQ(theirs->digest("a"), a);
  EXPECT_EQ(theirs->suspect_all(1), 2u);
  EXPECT_EQ(theirs->suspect_all(1), 0u);
  EXPECT_TRUE(ours.any());
  EXPECT_TRUE(ours.suspect(a));
  EXPECT_TRUE(ours.suspect(b));
  EXPECT_FALSE(ours.suspect(c));  // ended, and on the other side still at work
  ours.clear(b);
  EXPECT_FALSE(theirs->suspect(b));
  ours.condemn(a);
  EXPECT_FALSE(theirs->suspect(a));
  EXPECT_TRUE(theirs->condemned(a));
}

TEST(Marks, RowsWorkersAndRingsHaveLimits) {
  Marks ours = marks();
  std::vector<uint64_t> many;
  for (uint64_t i = 1; i <= Marks::kRows + 5; ++i) many.push_back(i);
  ours.begin(0, 0, many, 1);
  ours.begin(0, Marks::kWorkers - 1, std::vector<uint64_t>{9999}, 1);
  ours.begin(0, Marks::kWorkers, std::vector<uint64_t>{8888}, 1);  // not marked
  ours.end(0, Marks::kWorkers);
  EXPECT_EQ(ours.suspect_all(0), Marks::kRows + 1);
  EXPECT_TRUE(ours.suspect(9999));
  EXPECT_FALSE(ours.suspect(8888));
  // The oldest is forgotten.
  for (uint64_t i = 0; i < Marks::kRing; ++i) ours.condemn(100'000 + i);
  EXPECT_TRUE(ours.condemned(100'000));
  ours.condemn(1);
  EXPECT_FALSE(ours.condemned(100'000));
  EXPECT_TRUE(ours.condemned(1));
}

TEST(Marks, OtherMemoryIsRefused) { EXPECT_FALSE(Marks::open(-1)); }

class FakeTrial final : public Trial {
 public:
  Fate scan(const Message& message) override {
    ++trials;
    if (message.bytes.view().find("deadly") != std::string_view::npos) return Fate::kDies;
    return message.bytes.view().find("nobody") != std::string_view::npos ? Fate::kUnknown
                                                                         : Fate::kLives;
  }
  void idle() override {}
  int trials = 0;
};

Message message(const std::string& word) {
  Message out;
  out.bytes = MessageBytes("From: a@example.org\r\nSubject: " + word + "\r\n\r\ntext\r\n");
  out.from = "a@example.org";
  out.recipients = {"b@example.net"};
  return out;
}

TEST(Suspects, OnlyWhatKillsItsTrialIsPoison) {
  Result<Loaded> loaded = load_rules({});
  ASSERT_TRUE(loaded) << loaded.error().text();
  const auto live =
      std::make_shared<LiveRules>(loaded->rules, std::make_unique<TableAnswers>(*loaded->rules));
  Marks ours = marks();
  std::vector<uint64_t> digests;
  for (const char* const word : {"deadly", "harmless", "nobody"})
    digests.push_back(ours.digest(message(word).bytes.view()));
  ours.begin(0, 0, digests, 1);
  ASSERT_EQ(ours.suspect_all(0), 3u);

  FakeTrial trial;
  struct Seen {
    std::string action;
    size_t symbols = 0;
    bool poison = false, too_late = false;
    std::string from, bytes;
  };
  const auto scan = [&](Service& service, const std::string& word) {
    Message one = message(word);
    Seen seen;
    std::latch done(1);
    EXPECT_TRUE(service.submit(one, [&](const Scanned& scanned) {
      const ScoreModel& model = scanned.live.rules->model;
      seen.too_late = scanned.too_late;
      seen.bytes = scanned.one.message.bytes.view();
      if (!seen.too_late) {
        const Verdict& verdict = scanned.one.verdict;
        seen.action = model.actions[index(verdict.action)].name;
        seen.symbols = verdict.symbols.size();
        for (const VerdictSymbol& symbol : verdict.symbols)
          seen.poison |= model.symbols[index(symbol.symbol)].name == "POISON";
        seen.from = scanned.one.evidence.envelope.from;
      }
      done.count_down();
    }));
    done.wait();
    return seen;
  };
  Service service(live, {.threads = 2, .suspects = {.marks = &ours, .side = 1, .trial = &trial}});
  for (int round = 0; round < 2; ++round) {
    const Seen deadly = scan(service, "deadly");
    EXPECT_EQ(deadly.action, "reject");
    EXPECT_TRUE(deadly.poison);
    EXPECT_EQ(deadly.symbols, 1u);
    EXPECT_EQ(deadly.from, "a@example.org");
    EXPECT_EQ(deadly.bytes, message("deadly").bytes.view());
    const Seen harmless = scan(service, "harmless");
    EXPECT_FALSE(harmless.poison);
    EXPECT_GT(harmless.symbols, 1u);
    EXPECT_EQ(trial.trials, round == 0 ? 2 : 3);  // each once, but who had none
    EXPECT_TRUE(scan(service, "nobody").too_late);
    EXPECT_FALSE(scan(service, "other").poison);
  }
  EXPECT_EQ(trial.trials, 4);
  service.finish();
  EXPECT_EQ(ours.oldest_ms(1), INT64_MAX);
}

}  // namespace
}  // namespace winnow
