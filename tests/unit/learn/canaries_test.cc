// Canaries: never learnt themselves, they say what a model would be worth before it is there.
#include "pipeline/learn/canaries.h"

#include <gtest/gtest.h>

#include "make_record.h"
#include "tests/unit/own_folder.h"

namespace winnow {
namespace {

// Spam has tokens 1 to 20, ham 21 to 40; and each message one of its own.
LearnRecord mail(LearnLabel label, uint8_t number, bool turned = false) {
  std::vector<uint64_t> tokens;
  const uint64_t first = (label == kSpam) != turned ? 1 : 21;
  for (uint64_t token = first; token < first + 20; ++token) tokens.push_back(token);
  tokens.push_back(1'000 + number);
  return make_record(label, number, tokens);
}

BayesOptions options() {
  BayesOptions out;
  out.min_learns = 5;
  out.min_token_hits = 1;
  return out;
}

class CanariesTest : public testing::Test {
 protected:
  CanariesTest()
      : statistics_(
            TokenStatistics::open({.folder = folder_.path(), .limit_bytes = 256 << 20}).value()) {}
  void learn(std::vector<LearnRecord> records) { ASSERT_TRUE(statistics_->learn(records)); }
  Canaries canaries() const {
    return Canaries::open(folder_.path(), options(), Tokenizer::kWinnow).value();
  }
  static std::vector<LearnRecord> mails(uint8_t from, uint8_t to, bool turned = false) {
    std::vector<LearnRecord> out;
    for (uint8_t number = from; number < to; ++number)
      out.push_back(mail(number % 2 ? kSpam : kHam, number, turned));
    return out;
  }
  OwnFolder folder_;
  std::shared_ptr<TokenStatistics> statistics_;
};

TEST_F(CanariesTest, nothing_is_learnt_of_them) {
  EXPECT_EQ(canaries().size(), 0u);
  learn(mails(0, 10));
  EXPECT_EQ(add_canaries(*statistics_, folder_.path(), mails(8, 14)).value(), 6u);
  EXPECT_EQ(add_canaries(*statistics_, folder_.path(), mails(8, 14)).value(), 0u);
  EXPECT_EQ(canaries().size(), 6u);
  // Two of them had been learnt: they are forgotten, and do not come back.
  EXPECT_EQ(statistics_->learns(Tokenizer::kWinnow, 0).value(), (LearnCount{4, 4}));
  EXPECT_EQ(statistics_->learn(mails(8, 15)).value(),
            (std::vector{Learnt::kHeldOut, Learnt::kHeldOut, Learnt::kHeldOut, Learnt::kHeldOut,
                         Learnt::kHeldOut, Learnt::kHeldOut, Learnt::kNew}));
  const auto again =
      TokenStatistics::open({.folder = folder_.path(), .limit_bytes = 256 << 20}).value();
  EXPECT_EQ(again->try_learn(mails(8, 9)).value(), std::vector{Learnt::kHeldOut});
}

TEST_F(CanariesTest, they_say_what_a_step_would_do_and_what_it_did) {
  ASSERT_TRUE(add_canaries(*statistics_, folder_.path(), mails(100, 120)).has_value());
  const Canaries held = canaries();
  const auto none = held.judge(counts_now(*statistics_)).value();
  EXPECT_EQ(none.unknown, 20u);
  const std::vector<LearnRecord> good = mails(0, 40), bad = mails(40, 240, true);
  const auto then = held.judge(counts_with(*statistics_, good)).value();
  EXPECT_FALSE(then.is_worse_than(none));
  EXPECT_EQ(held.judge(counts_now(*statistics_)).value().unknown, 20u);  // nothing was written
  learn(good);
  const auto now = held.judge(counts_now(*statistics_)).value();
  EXPECT_EQ(now.text(), then.text());
  EXPECT_EQ(now.text(),
            "0 of 10 spam taken for ham, 0 of 10 ham taken for spam, 0 not known, 1-ROCA 0.000 %");
  const auto with_bad = held.judge(counts_with(*statistics_, bad)).value();
  EXPECT_TRUE(with_bad.is_worse_than(now));
  EXPECT_EQ(with_bad.spam_wrong, 10u);
  EXPECT_EQ(with_bad.ham_wrong, 10u);
  EXPECT_FALSE(held.judge(counts_with(*statistics_, mails(40, 60))).value().is_worse_than(now));
}

TEST_F(CanariesTest, a_watch_looks_after_a_hundred_messages) {
  ASSERT_TRUE(add_canaries(*statistics_, folder_.path(), mails(240, 250)).has_value());
  learn(mails(0, 40));
  CanaryWatch watch(canaries(), statistics_);
  learn(mails(40, 240, true));
  EXPECT_EQ(watch.learnt(99), "");
  const std::string said = watch.learnt(1);
  EXPECT_NE(said.find("made the model worse: 5 of 5 spam taken for ham"), std::string::npos)
      << said;
  EXPECT_EQ(watch.learnt(50), "");
}

}  // namespace
}  // namespace winnow
