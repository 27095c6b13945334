// The cache against the store: whatever is learnt by whom, no stale count and no lost token.
#include "pipeline/learn/count_cache.h"

#include <gtest/gtest.h>

#include <random>

#include "make_record.h"
#include "pipeline/learn/statistics.h"
#include "tests/unit/own_folder.h"

namespace winnow {
namespace {

class CountCacheTest : public testing::Test {
 protected:
  // Which of `hashes` the cache does not know; counts_ and learns_ are what it says.
  std::vector<uint32_t> ask(uint64_t state, std::span<const uint64_t> hashes) {
    std::vector<uint32_t> missing;
    counts_.assign(hashes.size(), TokenCount{9, 9});
    learns_.reset();
    cache_.find(state, kSpace, hashes, counts_, learns_, missing);
    return missing;
  }
  static std::vector<uint64_t> numbers(size_t n, uint64_t seed) {
    std::mt19937_64 random(seed);
    std::vector<uint64_t> out(n);
    for (uint64_t& one : out) one = random();
    return out;
  }
  // Asks so often that a filling is wanted.
  void ask_enough(uint64_t state) {
    const std::vector<uint64_t> many = numbers(60'000, 9);
    ask(state, many);
  }

  static constexpr uint64_t kSpace = 5;
  CountCache cache_;
  std::vector<TokenCount> counts_;
  std::optional<LearnCount> learns_;
};

TEST_F(CountCacheTest, what_changed_is_known_and_nothing_else_is_forgotten) {
  const std::vector<uint64_t> hashes{1, 2, 3};
  const std::vector<TokenCount> known{{1, 0}, {0, 2}, {0, 0}};
  EXPECT_EQ(ask(7, hashes), (std::vector<uint32_t>{0, 1, 2}));
  cache_.keep(7, kSpace, hashes, known, ask(7, hashes));
  EXPECT_EQ(ask(7, hashes), std::vector<uint32_t>());
  EXPECT_EQ(counts_, known);
  const std::vector<CountCache::Change> changed{{kSpace, 2, 3, -1}, {6, 1, 1, 1}};
  cache_.advance(7, 8, changed);
  EXPECT_EQ(ask(8, hashes), std::vector<uint32_t>());
  EXPECT_EQ(counts_, (std::vector<TokenCount>{{1, 0}, {3, 1}, {0, 0}}));
  EXPECT_FALSE(learns_.has_value());
  cache_.advance(3, 9, changed);  // of another state: nothing it could know
  EXPECT_EQ(ask(9, hashes), (std::vector<uint32_t>{0, 1, 2}));
}

TEST_F(CountCacheTest, who_asks_for_what_is_announced_forgets_nothing) {
  const std::vector<uint64_t> hashes{1};
  cache_.keep(7, kSpace, hashes, std::vector<TokenCount>{{1, 0}}, ask(7, hashes));
  cache_.announce(8);
  EXPECT_EQ(ask(8, hashes), std::vector<uint32_t>{0});
  cache_.advance(7, 8, std::vector<CountCache::Change>{{kSpace, 1, 1, 0}});
  EXPECT_EQ(ask(8, hashes), std::vector<uint32_t>());
  EXPECT_EQ(counts_[0], (TokenCount{2, 0}));
}

// Counts at the largest that stands in a slot and beyond, growing, shrinking, replaced.
TEST_F(CountCacheTest, large_counts_are_exact) {
  const uint32_t most = CountSlots::kSmallMax;
  const std::vector<TokenCount> known{{most, most},    {most + 1, 0},      {0, most + 1},
                                      {UINT32_MAX, 1}, {1, UINT32_MAX},    {most, most + 1},
                                      {1u << 22, 3},   {UINT32_MAX, most}, {0, 0}};
  std::vector<uint64_t> hashes(known.size());
  for (size_t i = 0; i < hashes.size(); ++i) hashes[i] = i * 77;
  cache_.keep(7, kSpace, hashes, known, ask(7, hashes));
  EXPECT_EQ(ask(7, hashes), std::vector<uint32_t>());
  EXPECT_EQ(counts_, known);
  std::vector<CountCache::Change> changed;
  for (const uint64_t hash : hashes) changed.push_back({kSpace, hash, 1, 1});
  cache_.advance(7, 8, changed);
  EXPECT_EQ(ask(8, hashes), std::vector<uint32_t>());
  EXPECT_EQ(counts_[0], (TokenCount{most + 1, most + 1}));
  EXPECT_EQ(counts_[3], (TokenCount{UINT32_MAX, 2}));
  EXPECT_EQ(counts_[8], (TokenCount{1, 1}));
  for (CountCache::Change& one : changed) one.spam = one.ham = -1;
  cache_.advance(8, 9, changed);
  EXPECT_EQ(ask(9, hashes), std::vector<uint32_t>());
  EXPECT_EQ(counts_[0], (TokenCount{most, most}));
  EXPECT_EQ(counts_[6], (TokenCount{1u << 22, 3}));
}

// Keys that are alike in what a slot holds of them, but for the bits beyond.
TEST(CountSlotsTest, keys_are_told_apart) {
  CountSlots slots(16);
  const std::vector<uint64_t> keys{5, 5 | 1ull << 32, 5 | 1ull << 33, 5 | 1ull << 40, 6, 1};
  for (uint32_t i = 0; i < keys.size(); ++i) slots.set(*slots.add(keys[i], 100), {i, 9'000 + i});
  TokenCount count;
  for (uint32_t i = 0; i < keys.size(); ++i) {
    EXPECT_TRUE(slots.look(keys[i], count));
    EXPECT_EQ(count, (TokenCount{i, 9'000 + i}));
    EXPECT_EQ(slots.at(*slots.find(keys[i])), count);
  }
  EXPECT_FALSE(slots.look(5 | 1ull << 34, count));
  EXPECT_EQ(count, TokenCount{});
  EXPECT_FALSE(slots.find(5 | 1ull << 50).has_value());
  EXPECT_FALSE(slots.add(7ull << 60, keys.size()) && slots.add(8ull << 60, keys.size()) &&
               slots.add(9ull << 60, keys.size()));  // no more than these
}

// Whatever the keys, a full cache answers what it was told, or nothing.
TEST_F(CountCacheTest, a_full_cache_tells_no_lies) {
  const std::vector<uint64_t> hashes = numbers(2 * CountCache::kFirstSlots, 1);
  std::vector<TokenCount> known;
  for (uint32_t i = 0; i < hashes.size(); ++i) known.push_back({i, i / 2});
  cache_.keep(7, kSpace, hashes, known, ask(7, hashes));
  const std::vector<uint32_t> missing = ask(7, hashes);
  EXPECT_GT(missing.size(), hashes.size() / 2);
  EXPECT_LT(missing.size(), hashes.size() * 3 / 4);
  size_t next = 0;
  for (uint32_t i = 0; i < hashes.size(); ++i) {
    if (next < missing.size() && missing[next] == i)
      ++next;
    else
      ASSERT_EQ(counts_[i], known[i]) << i;
  }
}

TEST_F(CountCacheTest, filled_it_knows_all_and_what_is_not_there) {
  const std::vector<uint64_t> there = numbers(50'000, 1), absent = numbers(50'000, 2);
  const auto filling = [&] {
    CountCache::Filling all;
    for (uint32_t i = 0; i < there.size(); ++i) all.add(kSpace, there[i], {i, 1});
    all.add_learnt(kSpace, {70, 30});
    return all;
  };
  EXPECT_EQ(ask(7, std::span(there).first(100)).size(), 100u);
  EXPECT_FALSE(cache_.wants_filling(7));
  ask_enough(7);
  EXPECT_TRUE(cache_.wants_filling(7));
  EXPECT_FALSE(cache_.wants_filling(7));  // not again so soon
  cache_.fill(6, filling());              // too late
  EXPECT_FALSE(cache_.is_filled());
  cache_.fill(7, filling());
  EXPECT_TRUE(cache_.is_filled());
  EXPECT_EQ(ask(7, there).size(), 0u);
  for (uint32_t i = 0; i < there.size(); ++i) ASSERT_EQ(counts_[i], (TokenCount{i, 1})) << i;
  EXPECT_EQ(learns_, (LearnCount{70, 30}));
  EXPECT_EQ(ask(7, absent).size(), 0u);
  for (const TokenCount& count : counts_) ASSERT_EQ(count, TokenCount{});

  // So many more that the table must grow.
  std::vector<CountCache::Change> learnt{CountCache::learnt(kSpace, 1, -100)};
  for (const uint64_t hash : absent) learnt.push_back({kSpace, hash, 2, 0});
  learnt.push_back({kSpace, there[5], -9, 1});
  cache_.advance(7, 8, learnt);
  EXPECT_EQ(ask(8, absent).size(), 0u);
  for (const TokenCount& count : counts_) ASSERT_EQ(count, (TokenCount{2, 0}));
  EXPECT_EQ(learns_, (LearnCount{71, 0}));
  EXPECT_EQ(ask(8, there).size(), 0u);
  EXPECT_EQ(counts_[5], (TokenCount{0, 2}));
  EXPECT_EQ(ask(9, absent).size(), absent.size());
  EXPECT_FALSE(cache_.is_filled());
}

// More than it may hold: what was seen often is there, what is absent mostly known to be.
TEST_F(CountCacheTest, with_too_many_a_filter_says_what_is_not_there) {
  const std::vector<uint64_t> there = numbers(CountCache::kAllMax + 1'000, 1);
  const std::vector<uint64_t> absent = numbers(50'000, 2);
  ask_enough(7);
  ASSERT_TRUE(cache_.wants_filling(7));
  CountCache::Filling all;
  for (uint32_t i = 0; i < there.size(); ++i)
    all.add(kSpace, there[i], {i % 1'000 == 0 ? 2u : 1u, 0});
  cache_.fill(7, std::move(all));
  ASSERT_TRUE(cache_.is_filled());
  const std::vector<uint32_t> missing = ask(7, there);
  EXPECT_EQ(missing.size(), there.size() - (there.size() + 999) / 1'000);
  EXPECT_EQ(counts_[0], (TokenCount{2, 0}));
  EXPECT_LT(ask(7, absent).size(), absent.size() / 100);
  cache_.advance(
      7, 8, std::vector<CountCache::Change>{{kSpace, absent[0], 1, 0}, {kSpace, there[0], 1, 1}});
  EXPECT_EQ(ask(8, std::span(absent).first(1)), std::vector<uint32_t>{0});
  EXPECT_EQ(ask(8, std::span(there).first(1)).size(), 0u);
  EXPECT_EQ(counts_[0], (TokenCount{3, 1}));
}

// One more than all it may hold: it begins anew, and says nothing that is wrong.
TEST_F(CountCacheTest, all_have_a_limit) {
  const std::vector<uint64_t> there = numbers(CountCache::kAllMax, 1);
  ask_enough(7);
  ASSERT_TRUE(cache_.wants_filling(7));
  CountCache::Filling all;
  for (const uint64_t hash : there) all.add(kSpace, hash, {1, 0});
  cache_.fill(7, std::move(all));
  EXPECT_EQ(ask(7, there).size(), 0u);
  cache_.advance(7, 8, std::vector<CountCache::Change>{{kSpace, there[0], 1, 0}});
  EXPECT_TRUE(cache_.is_filled());
  cache_.advance(8, 9, std::vector<CountCache::Change>{{kSpace, there[0] + 1, 1, 0}});
  EXPECT_FALSE(cache_.is_filled());
  EXPECT_EQ(ask(9, std::span(there).first(3)).size(), 3u);
}

// Two that have one folder open, as two processes do: one asks all the time, both learn.
TEST(CountCacheWithStore, agrees_with_who_asks_for_the_first_time) {
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
