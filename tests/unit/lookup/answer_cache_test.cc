// The cache of answers: how long each kind holds, and what goes when it is full.
#include "pipeline/lookup/answer_cache.h"

#include <gtest/gtest.h>

namespace winnow {
namespace {

using namespace std::chrono_literals;
const AnswerCache::Clock::time_point kStart{};

std::shared_ptr<const KeptAnswer> answer(AnswerState state, uint32_t ttl_s, size_t bytes = 9) {
  KeptAnswer out;
  out.state = state;
  out.ttl_s = ttl_s;
  if (state == AnswerState::kValue) out.values = {std::string(bytes, 'v')};
  return std::make_shared<const KeptAnswer>(std::move(out));
}

TEST(AnswerCache, holds_each_kind_for_its_time_and_no_longer) {
  constexpr CacheBounds kBounds{
      .ttl_min_s = 5, .ttl_max_s = 1'000, .negative_ttl_max_s = 100, .failure_ttl_s = 3};
  struct Row {
    AnswerState state;
    uint32_t ttl_s;
    int holds_s;
  };
  for (const Row& row :
       {Row{AnswerState::kValue, 60, 60}, Row{AnswerState::kValue, 0, 5},
        Row{AnswerState::kValue, 4'000'000'000, 1'000}, Row{AnswerState::kNone, 60, 60},
        Row{AnswerState::kNone, 0, 5}, Row{AnswerState::kNone, UINT32_MAX, 100},
        Row{AnswerState::kUnknown, 60, 3}}) {
    AnswerCache cache(kBounds);
    const auto given = answer(row.state, row.ttl_s);
    cache.put("k", given, kStart);
    const auto almost = kStart + std::chrono::seconds(row.holds_s) - 1ms;
    const AnswerCache::Hit hit = cache.find("k", almost);
    EXPECT_EQ(hit.answer, given) << row.holds_s;
    EXPECT_EQ(hit.age.count(), row.holds_s - 1);
    EXPECT_EQ(cache.find("k", almost + 1ms).answer, nullptr) << row.holds_s;
    EXPECT_EQ(cache.entries(), 0u);
    EXPECT_EQ(cache.bytes(), 0u);
  }
}

TEST(AnswerCache, a_new_answer_replaces_the_old) {
  AnswerCache cache({});
  cache.put("k", answer(AnswerState::kValue, 60), kStart);
  const size_t bytes = cache.bytes();
  const auto fresh = answer(AnswerState::kValue, 600);
  cache.put("k", fresh, kStart + 10s);
  EXPECT_EQ(cache.bytes(), bytes);
  EXPECT_EQ(cache.entries(), 1u);
  EXPECT_EQ(cache.find("k", kStart + 100s).answer, fresh);
  EXPECT_EQ(cache.find("K", kStart + 100s).answer, nullptr);
}

TEST(AnswerCache, full_it_drops_what_was_not_used_longest) {
  AnswerCache one({});
  one.put("00", answer(AnswerState::kValue, 600), kStart);
  const size_t each = one.bytes();
  constexpr size_t kFit = 10;
  AnswerCache cache({.bytes_max = each * kFit});
  const auto key = [](size_t i) { return std::string{char('0' + i / 10), char('0' + i % 10)}; };
  for (size_t i = 0; i < kFit; ++i) cache.put(key(i), answer(AnswerState::kValue, 600), kStart);
  EXPECT_EQ(cache.entries(), kFit);                       // exactly at the limit nothing is dropped
  EXPECT_NE(cache.find(key(0), kStart).answer, nullptr);  // used: now 1 is the oldest
  cache.put(key(kFit), answer(AnswerState::kValue, 600), kStart);
  EXPECT_EQ(cache.entries(), kFit);
  EXPECT_LE(cache.bytes(), each * kFit);
  EXPECT_EQ(cache.find(key(1), kStart).answer, nullptr);
  for (const size_t kept : {size_t{0}, size_t{2}, kFit})
    EXPECT_NE(cache.find(key(kept), kStart).answer, nullptr) << kept;
}

TEST(AnswerCache, what_alone_is_too_large_is_not_kept) {
  AnswerCache cache({.bytes_max = 4'096});
  cache.put("small", answer(AnswerState::kValue, 600), kStart);
  cache.put("large", answer(AnswerState::kValue, 600, 5'000), kStart);
  EXPECT_EQ(cache.find("large", kStart).answer, nullptr);
  EXPECT_NE(cache.find("small", kStart).answer, nullptr);
}

TEST(AnswerCache, an_answer_is_copied_into_the_slab_of_who_asked) {
  Arena slab;
  Answer out;
  {
    KeptAnswer kept;
    kept.state = AnswerState::kValue;
    kept.ttl_s = 77;
    kept.values = {"one", "two"};
    out = kept.in(slab, std::string("192.0.2.53:53"), 5);
  }
  ASSERT_EQ(out.values.size(), 2u);
  EXPECT_EQ(out.values[0], "one");
  EXPECT_EQ(out.values[1], "two");
  EXPECT_EQ(out.ttl_s, 77u);
  EXPECT_EQ(out.server, "192.0.2.53:53");
  EXPECT_EQ(out.age_s, 5u);
  EXPECT_EQ(out.state, AnswerState::kValue);
}

}  // namespace
}  // namespace winnow
