// Classify, then learn; and the model made anew.
#include "pipeline/learn/evaluate.h"

#include <gtest/gtest.h>

#include "make_record.h"
#include "pipeline/learn/rebuild.h"
#include "tests/unit/own_folder.h"

namespace winnow {
namespace {

TEST(Evaluation, one_minus_roca_counts_pairs_in_the_wrong_order) {
  EXPECT_EQ(one_minus_roca({3, 4}, {1, 2}), 0);
  EXPECT_EQ(one_minus_roca({1, 2}, {3, 4}), 100);
  EXPECT_EQ(one_minus_roca({1, 4}, {2, 3}), 50);
  EXPECT_EQ(one_minus_roca({2}, {2}), 50);
  EXPECT_EQ(one_minus_roca({}, {2}), 0);
}

TEST(Evaluation, judges_before_it_learns) {
  BayesOptions options;
  options.min_learns = 1;
  options.min_tokens = 1;
  options.min_token_hits = 1;
  Evaluation evaluation(options, Tokenizer::kWinnow);
  EXPECT_TRUE(evaluation.summary().ends_with("1-ROCA not known: both classes are needed"));
  EXPECT_FALSE(evaluation.next(make_record(kSpam, 1, {1, 2, 3})).known);
  EXPECT_FALSE(evaluation.next(make_record(kHam, 2, {7, 8, 9})).known);
  const Opinion spam = evaluation.next(make_record(kSpam, 3, {1, 2, 5}));
  EXPECT_TRUE(spam.known);
  EXPECT_GT(spam.odds, 0);
  EXPECT_LT(evaluation.next(make_record(kHam, 4, {7, 8, 5})).odds, 0);
  // Forgotten: nothing is known of it any more.
  evaluation.next(make_forget(2));
  evaluation.next(make_forget(4));
  EXPECT_FALSE(evaluation.next(make_record(kHam, 5, {7, 8})).known);
  // One that moves was seen and is not judged again.
  EXPECT_FALSE(evaluation.next(make_record(kSpam, 5, {7, 8})).known);
  EXPECT_EQ(evaluation.summary(),
            "1 spam, 0 of them taken for ham; 1 ham, 0 of them taken for spam; 3 before enough was "
            "learnt; 1-ROCA 0.000 %");
}

std::string dump(const Store& store) {
  std::string out;
  EXPECT_TRUE(dump_model(store, [&](std::string_view piece) { out += piece; }).has_value());
  return out;
}

TEST(Rebuild, mends_what_differs_and_nothing_else) {
  const OwnFolder folder;
  const auto statistics = TokenStatistics::open({.folder = folder.path()}).value();
  ASSERT_TRUE(statistics
                  ->learn(std::vector{make_record(kSpam, 1, {1, 2}), make_record(kHam, 2, {2, 3}),
                                      make_record(kHam, 1, {1, 2})})
                  .has_value());
  const std::string good = dump(statistics->store());
  EXPECT_EQ(rebuild_in_place(*statistics, folder.path()).value(), 0u);
  EXPECT_EQ(dump(statistics->store()), good);
  StoreBatch harm;  // a row too much, one too few, a wrong count, a value too much
  harm.add("t2xxxxxxxx", 0, 1);
  const std::vector<CounterRow> rows = statistics->store().scan("t", "", 9).value();
  harm.erase(rows[0].key);
  harm.add(rows[1].key, 0, 7);
  harm.set("kzzz", "v");
  ASSERT_TRUE(statistics->mend(harm).has_value());
  EXPECT_EQ(rebuild_in_place(*statistics, folder.path()).value(), 4u);
  EXPECT_EQ(dump(statistics->store()), good);
}

TEST(Rebuild, a_copy_as_of_a_time_goes_on_from_there) {
  const OwnFolder folder, copy;
  const auto statistics = TokenStatistics::open({.folder = folder.path()}).value();
  ASSERT_TRUE(statistics->learn(std::vector{make_record(kSpam, 1, {1}), make_record(kHam, 2, {2})})
                  .has_value());
  const std::string then = dump(statistics->store());
  ASSERT_TRUE(statistics->learn(std::vector{make_record(kHam, 9, {3})}).has_value());
  EXPECT_EQ(copy_as_of(statistics->log(), 1'700'000'000'002, copy.path()).value(), 2u);
  const auto old = TokenStatistics::open({.folder = copy.path()}).value();
  EXPECT_EQ(dump(old->store()), then);
  EXPECT_FALSE(copy_as_of(statistics->log(), 1'700'000'000'002, copy.path()).has_value());
  ASSERT_TRUE(old->learn(std::vector{make_record(kHam, 9, {3})}).has_value());
  EXPECT_EQ(dump(old->store()), dump(statistics->store()));
}

}  // namespace
}  // namespace winnow
