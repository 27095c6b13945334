// The cache against the store: whatever is learnt by whom, no stale count and no lost token.
#include "pipeline/learn/count_cache.h"

#include <gtest/gtest.h>

#include <random>

#include "make_record.h"
#include "pipeline/learn/statistics.h"
#include "tests/unit/own_folder.h"

namespace winnow {
namespace {

TEST(CountCacheTest, what_changed_is_asked_for_again_and_nothing_else) {
  CountCache cache;
  const std::vector<uint64_t> hashes{1, 2, 3};
  std::vector<TokenCount> counts(3);
  std::vector<uint32_t> missing;
  const auto ask = [&](uint64_t state) {
    missing.clear();
    std::ranges::fill(counts, TokenCount{9, 9});
    cache.find(state, 5, hashes, counts, missing);
    return missing;
  };
  EXPECT_EQ(ask(7), (std::vector<uint32_t>{0, 1, 2}));
  const std::vector<TokenCount> known{{1, 0}, {0, 2}, {0, 0}};
  cache.keep(7, 5, hashes, known, missing);
  EXPECT_EQ(ask(7), std::vector<uint32_t>());
  EXPECT_EQ(counts, known);
  const std::vector<CountCache::Token> changed{{5, 2, {}}, {6, 1, {}}};
  cache.advance(7, 8, changed);
  EXPECT_EQ(ask(8), std::vector<uint32_t>{1});
  cache.advance(3, 9, changed);  // of another state: nothing it could know
  EXPECT_EQ(ask(9), (std::vector<uint32_t>{0, 1, 2}));
}

TEST(CountCacheTest, the_filter_knows_what_is_not_there) {
  CountCache cache;
  std::mt19937_64 random(1);
  std::vector<CountCache::Token> tokens;
  std::vector<uint64_t> there, absent;
  for (int i = 0; i < 50'000; ++i) {
    there.push_back(random());
    absent.push_back(random());
    tokens.push_back({5, there.back(), {}});
  }
  std::vector<TokenCount> counts(there.size());
  std::vector<uint32_t> missing;
  cache.find(7, 5, there, counts, missing);
  EXPECT_EQ(missing.size(), there.size());
  EXPECT_FALSE(cache.wants_filter(7));
  for (int i = 0; i < 3; ++i) cache.find(7, 5, there, counts, missing);
  EXPECT_TRUE(cache.wants_filter(7));
  EXPECT_FALSE(cache.wants_filter(7));  // not again so soon
  cache.fill_filter(6, tokens);         // too late
  EXPECT_FALSE(cache.has_filter());
  cache.fill_filter(7, tokens);
  EXPECT_TRUE(cache.has_filter());
  missing.clear();
  cache.find(7, 5, there, counts, missing);
  EXPECT_EQ(missing.size(), there.size());  // all that are there are looked for
  missing.clear();
  cache.find(7, 5, absent, counts, missing);
  EXPECT_LT(missing.size(), absent.size() / 100);
  const std::vector<CountCache::Token> learnt{{5, absent[0], {}}, {5, absent[1], {}}};
  cache.advance(7, 8, learnt);
  EXPECT_TRUE(cache.has_filter());
  missing.clear();
  cache.find(8, 5, std::span(absent).first(2), std::span(counts).first(2), missing);
  EXPECT_EQ(missing, (std::vector<uint32_t>{0, 1}));
  missing.clear();
  cache.find(9, 5, std::span(absent).first(3), std::span(counts).first(3), missing);
  EXPECT_FALSE(cache.has_filter());
  EXPECT_EQ(missing.size(), 3u);
}

TEST(CountCacheTest, what_was_seen_often_is_there_from_the_start) {
  CountCache cache;
  const std::vector<uint64_t> hashes{1, 2, 3};
  std::vector<TokenCount> counts(3);
  std::vector<uint32_t> missing;
  cache.find(7, 5, hashes, counts, missing);
  const std::vector<CountCache::Token> tokens{{5, 1, {2, 0}}, {5, 2, {0, 1}}, {5, 3, {1, 9}}};
  cache.fill_filter(7, tokens);
  missing.clear();
  cache.find(7, 5, hashes, counts, missing);
  EXPECT_EQ(missing, std::vector<uint32_t>{1});
  EXPECT_EQ(counts[0], (TokenCount{2, 0}));
  EXPECT_EQ(counts[2], (TokenCount{1, 9}));
}

// Two that have one folder open, as two processes do: one asks all the time, both learn.
TEST(CountCacheTest, agrees_with_who_asks_for_the_first_time) {
  const OwnFolder folder;
  const auto open = [&] {
    return TokenStatistics::open({.folder = folder.path(), .limit_bytes = 256 << 20}).value();
  };
  const auto one = open(), other = open();
  std::mt19937_64 random(2);
  TokenList all;
  for (uint64_t token = 0; token < 30'000; ++token) all.add(token * 0x9E3779B97F4A7C15u, 0);
  for (int round = 0; round < 40; ++round) {
    std::vector<LearnRecord> records;
    for (int i = 0; i < 5; ++i) {
      std::vector<uint64_t> tokens;
      for (int t = 0; t < 200; ++t)
        tokens.push_back(all.hashes[random() % (all.hashes.size() / 2)]);
      const auto number = static_cast<uint8_t>(random() % 100);
      records.push_back(
          random() % 4 == 0
              ? make_forget(number)
              : make_record(random() % 2 ? LearnLabel::kSpam : LearnLabel::kHam, number, tokens));
    }
    ASSERT_TRUE((round % 5 == 4 ? other : one)->learn(records).has_value());
    const TokenCounts found = one->counts(all).value(), again = one->counts(all).value();
    const TokenCounts fresh = open()->counts(all).value();
    ASSERT_EQ(found.counts, fresh.counts) << round;
    ASSERT_EQ(again.counts, fresh.counts) << round;
    ASSERT_EQ(found.learns, fresh.learns);
  }
}

}  // namespace
}  // namespace winnow
