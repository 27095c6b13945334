// What each operation of a store means, on every backend; and many random ones against a model that
// is too simple to be wrong.
#include "pipeline/lookup/store/store.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <map>
#include <random>
#include <thread>

#include "pipeline/lookup/store/lmdb_store.h"
#include "pipeline/lookup/store/memory_store.h"
#include "pipeline/lookup/store/redis_store.h"
#include "tests/unit/own_folder.h"
#include "tests/unit/store/redis_process.h"

namespace winnow {
namespace {

using Values = std::vector<std::optional<std::string>>;
constexpr int64_t kNow = 1'700'000'000'000;

class StoreTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (std::string_view(GetParam()) == "memory") {
      store_ = memory_store();
    } else if (std::string_view(GetParam()) == "redis") {
      if (!RedisProcess::installed()) GTEST_SKIP() << "redis-server is not installed";
      server_ = std::make_unique<RedisProcess>();
      RedisOptions options = server_->options();
      options.timeout_ms = 60'000;
      store_ = redis_store(RedisClient::make(options).value());
    } else {
      auto opened = open_lmdb_store({.folder = folder_.path(), .sync = false});
      ASSERT_TRUE(opened.has_value()) << opened.error().text();
      store_ = std::move(*opened);
    }
  }
  bool apply(const StoreBatch& batch, int64_t now_ms = kNow) {
    const Result<bool> done = store_->apply(batch, now_ms);
    EXPECT_TRUE(done.has_value()) << done.error().text();
    return done && *done;
  }
  Values get(std::vector<std::string_view> keys, int64_t now_ms = kNow) {
    return store_->get(keys, now_ms).value();
  }
  std::vector<uint64_t> counts(std::vector<std::string_view> keys, unsigned fields = 2) {
    return store_->counts(keys, fields).value();
  }

  OwnFolder folder_;
  std::unique_ptr<RedisProcess> server_;
  std::unique_ptr<Store> store_;
};
INSTANTIATE_TEST_SUITE_P(Backends, StoreTest, testing::Values("memory", "lmdb", "redis"));

TEST_P(StoreTest, counters_add_up_and_stay_within_their_bounds) {
  StoreBatch batch;
  batch.add("a", 0, 3);
  batch.add("a", 1, 200);
  batch.add("b", 7, 1);
  batch.add("a", 0, -1);
  batch.add("c", 0, -5);
  ASSERT_TRUE(apply(batch));
  EXPECT_EQ(counts({"a", "b", "c", "none"}), (std::vector<uint64_t>{2, 200, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(counts({"b"}, 8).back(), 1u);
  StoreBatch down;
  down.add("a", 0, -2);
  down.add("a", 1, -200);
  down.add("b", 7, INT64_MAX);
  ASSERT_TRUE(apply(down));
  EXPECT_EQ(counts({"a"}), (std::vector<uint64_t>{0, 0}));
  EXPECT_EQ(counts({"b"}, 8).back(), kStoreCountMax);
  // A row of zeros is no row.
  const std::vector<CounterRow> rows = store_->scan("", "", 10).value();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].key, "b");
  EXPECT_EQ(rows[0].counts.size(), 8u);
}

TEST_P(StoreTest, values_are_there_until_they_expire) {
  StoreBatch batch;
  batch.set("for ever", "1");
  batch.set("short", "2", kNow + 10);
  batch.set("empty", "");
  batch.set(std::string_view("nul\0key", 7), std::string_view("\0v", 2));
  ASSERT_TRUE(apply(batch));
  EXPECT_EQ(get({"for ever", "short", "empty", std::string_view("nul\0key", 7), "none"}),
            (Values{"1", "2", "", std::string("\0v", 2), std::nullopt}));
  EXPECT_EQ(get({"short"}, kNow + 9), (Values{"2"}));
  EXPECT_EQ(get({"short"}, kNow + 10), (Values{std::nullopt}));
  EXPECT_EQ(store_->expire(kNow + 9, 10).value(), 0u);
  EXPECT_EQ(store_->expire(kNow + 10, 10).value(), 1u);
  EXPECT_EQ(store_->expire(kNow + 10, 10).value(), 0u);
  EXPECT_EQ(get({"short", "for ever"}, kNow), (Values{std::nullopt, "1"}));
}

TEST_P(StoreTest, a_value_that_is_set_again_expires_when_the_last_says) {
  StoreBatch batch;
  batch.set("a", "1", kNow + 10);
  batch.set("a", "2", kNow + 100);
  batch.set("b", "1", kNow + 10);
  batch.set("b", "2");
  ASSERT_TRUE(apply(batch));
  EXPECT_EQ(store_->expire(kNow + 50, 10).value(), 0u);
  EXPECT_EQ(get({"a", "b"}, kNow + 50), (Values{"2", "2"}));
  EXPECT_EQ(store_->expire(kNow + 100, 10).value(), 1u);
  EXPECT_EQ(get({"a", "b"}, kNow + 100), (Values{std::nullopt, "2"}));
}

TEST_P(StoreTest, expiry_takes_no_more_than_it_was_told) {
  StoreBatch batch;
  for (int i = 0; i < 20; ++i) batch.set("k" + std::to_string(i), "v", kNow + i);
  ASSERT_TRUE(apply(batch, kNow - 1));
  EXPECT_EQ(store_->expire(kNow + 100, 7).value(), 7u);
  EXPECT_EQ(store_->expire(kNow + 100, 100).value(), 13u);
}

TEST_P(StoreTest, a_guard_that_does_not_hold_leaves_everything) {
  StoreBatch once;
  once.expect_absent("mark");
  once.set("mark", "learnt", kNow + 10);
  once.add("n", 0, 1);
  EXPECT_TRUE(apply(once));
  EXPECT_FALSE(apply(once));
  EXPECT_EQ(counts({"n"}, 1), (std::vector<uint64_t>{1}));
  StoreBatch late;  // what was written before the guard is undone as well
  late.add("n", 0, 5);
  late.set("other", "x");
  late.push("list", "x", 3);
  late.expect_value("mark", "something else");
  EXPECT_FALSE(apply(late));
  EXPECT_EQ(counts({"n"}, 1), (std::vector<uint64_t>{1}));
  EXPECT_EQ(get({"other"}), (Values{std::nullopt}));
  EXPECT_TRUE(store_->list("list", 0, 9).value().empty());
  StoreBatch right;
  right.expect_value("mark", "learnt");
  right.set("mark", "again");
  EXPECT_TRUE(apply(right));
  EXPECT_EQ(get({"mark"}), (Values{"again"}));
  // What expired is absent, whether it was swept or not.
  StoreBatch expired;
  expired.set("short", "x", kNow + 10);
  ASSERT_TRUE(apply(expired));
  StoreBatch after;
  after.expect_absent("short");
  EXPECT_FALSE(apply(after, kNow + 9));
  EXPECT_TRUE(apply(after, kNow + 10));
}

TEST_P(StoreTest, a_list_keeps_its_newest) {
  StoreBatch batch;
  for (const char* value : {"1", "2", "3", "4", "5"}) batch.push("l", value, 3);
  batch.push("lx", "other", 3);
  ASSERT_TRUE(apply(batch));
  EXPECT_EQ(store_->list("l", 0, 9).value(), (std::vector<std::string>{"5", "4", "3"}));
  EXPECT_EQ(store_->list("l", 1, 1).value(), (std::vector<std::string>{"4"}));
  EXPECT_TRUE(store_->list("l", 3, 9).value().empty());
  StoreBatch none;
  none.push("l", "6", 0);
  ASSERT_TRUE(apply(none));
  EXPECT_TRUE(store_->list("l", 0, 9).value().empty());
  EXPECT_EQ(store_->list("lx", 0, 9).value(), (std::vector<std::string>{"other"}));
}

TEST_P(StoreTest, a_window_of_a_sorted_set) {
  StoreBatch batch;
  batch.sorted_add("z", "minus", -1.5);
  batch.sorted_add("z", "nought", 0);
  batch.sorted_add("z", "big", 1e300);
  batch.sorted_add("z", "moved", 5);
  batch.sorted_add("z", "moved", 2);
  batch.sorted_add("z", "gone", 3);
  batch.sorted_erase("z", "gone");
  batch.sorted_add("zz", "other", 1);
  ASSERT_TRUE(apply(batch));
  using Members = std::vector<SortedMember>;
  EXPECT_EQ(store_->window("z", -1e308, 1e308, 9).value(),
            (Members{{"minus", -1.5}, {"nought", 0}, {"moved", 2}, {"big", 1e300}}));
  EXPECT_EQ(store_->window("z", -0.0, 2, 9).value(), (Members{{"nought", 0}, {"moved", 2}}));
  EXPECT_EQ(store_->window("z", -9, 9, 1).value(), (Members{{"minus", -1.5}}));
  StoreBatch trim;
  trim.sorted_trim("z", 2);
  ASSERT_TRUE(apply(trim));
  EXPECT_EQ(store_->window("z", -9, 9, 9).value(), (Members{{"moved", 2}}));
  EXPECT_EQ(store_->window("zz", -9, 9, 9).value(), (Members{{"other", 1}}));
}

TEST_P(StoreTest, erase_takes_every_kind_of_that_name) {
  StoreBatch batch;
  for (const char* key : {"a", "ab"}) {
    batch.set(key, "v", kNow + 10);
    batch.add(key, 0, 1);
    batch.push(key, "l", 5);
    batch.sorted_add(key, "m", 1);
  }
  batch.erase("a");
  ASSERT_TRUE(apply(batch));
  EXPECT_EQ(get({"a", "ab"}), (Values{std::nullopt, "v"}));
  EXPECT_EQ(counts({"a", "ab"}, 1), (std::vector<uint64_t>{0, 1}));
  EXPECT_TRUE(store_->list("a", 0, 9).value().empty());
  EXPECT_EQ(store_->list("ab", 0, 9).value().size(), 1u);
  EXPECT_TRUE(store_->window("a", 0, 9, 9).value().empty());
  EXPECT_EQ(store_->window("ab", 0, 9, 9).value().size(), 1u);
  EXPECT_EQ(store_->expire(kNow + 10, 9).value(), 1u);
}

TEST_P(StoreTest, many_counters_are_as_one_by_one) {
  const std::vector<CounterDelta> deltas{{0, {1, 2}}, {'a', {0, 70'000}}, {UINT64_MAX, {3, 0}}};
  StoreBatch batch;
  batch.add_many("m", deltas);
  batch.add(std::string("m\0\0\0\0\0\0\0a", 9), 1, -1);
  batch.add_many("m", std::vector<CounterDelta>{{0, {-9, 1}}});
  ASSERT_TRUE(apply(batch));
  const std::vector<CounterRow> rows = store_->scan("m", "", 9).value();
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0], (CounterRow{std::string("m\0\0\0\0\0\0\0\0", 9), {0, 3}}));
  EXPECT_EQ(rows[1], (CounterRow{std::string("m\0\0\0\0\0\0\0a", 9), {0, 69'999}}));
  EXPECT_EQ(rows[2], (CounterRow{"m" + std::string(8, '\xFF'), {3}}));
  std::vector<CounterRow> walked;
  ASSERT_TRUE(store_
                  ->walk("m",
                         [&](std::string_view key, std::span<const uint64_t> counts) {
                           walked.push_back({std::string(key), {counts.begin(), counts.end()}});
                           return walked.size() < 2;
                         })
                  .has_value());
  EXPECT_EQ(walked, std::vector<CounterRow>(rows.begin(), rows.begin() + 2));
}

TEST_P(StoreTest, a_scan_goes_on_where_it_stopped) {
  StoreBatch batch;
  for (const char* key : {"t1", "t2", "t3", "t", "u", "s"}) batch.add(key, 0, 1);
  batch.set("t1", "v");
  batch.set("t9", "w", kNow);
  ASSERT_TRUE(apply(batch, kNow - 1));
  std::string after, seen;
  for (;;) {
    const std::vector<CounterRow> rows = store_->scan("t", after, 2).value();
    for (const CounterRow& row : rows) seen += row.key + " ";
    if (rows.size() < 2) break;
    after = rows.back().key;
  }
  EXPECT_EQ(seen, "t t1 t2 t3 ");
  const auto values = store_->scan_values("t", "", 9, kNow).value();
  ASSERT_EQ(values.size(), 1u);
  EXPECT_EQ(values[0], (std::pair<std::string, std::string>("t1", "v")));
}

TEST_P(StoreTest, sizes_have_limits) {
  const std::string longest(kStoreKeyMax, 'k'), member(kStoreMemberMax, 'm');
  StoreBatch good;
  good.set(longest, "v", kNow + 1);
  good.add(longest, kStoreFieldsMax - 1, 1);
  good.push(longest, "v", 1);
  good.sorted_add(longest, member, 1);
  EXPECT_TRUE(apply(good));
  const auto refused = [&](const std::function<void(StoreBatch&)>& write) {
    StoreBatch batch;
    batch.add("before", 0, 1);
    write(batch);
    EXPECT_FALSE(store_->apply(batch, kNow).has_value());
    EXPECT_EQ(counts({"before"}, 1), (std::vector<uint64_t>{0}));
  };
  refused([&](StoreBatch& batch) { batch.set(longest + "k", "v"); });
  refused([&](StoreBatch& batch) { batch.set("", "v"); });
  refused([&](StoreBatch& batch) { batch.add("k", kStoreFieldsMax, 1); });
  refused([&](StoreBatch& batch) { batch.sorted_add("k", member + "m", 1); });
  refused([&](StoreBatch& batch) { batch.sorted_add("k", "m", std::nan("")); });
  refused([&](StoreBatch& batch) { batch.set("k", std::string(kStoreValueMax + 1, 'v')); });
}

// --- random operations against a naive model ---

struct Model {
  std::map<std::string, std::map<unsigned, int64_t>> counters;
  std::map<std::string, std::pair<std::string, int64_t>> values;
  std::map<std::string, std::deque<std::string>> lists;
  std::map<std::string, std::map<std::string, double>> sets;

  bool apply(const StoreBatch& batch, int64_t now_ms) {
    const Model before = *this;
    for (const StoreBatch::Write& write : batch.writes)
      if (!one(write, now_ms)) {
        *this = before;
        return false;
      }
    return true;
  }
  bool one(const StoreBatch::Write& write, int64_t now_ms) {
    using Kind = StoreBatch::Kind;
    const auto value = values.find(write.key);
    const bool there =
        value != values.end() && (value->second.second == 0 || now_ms < value->second.second);
    switch (write.kind) {
      case Kind::kAdd: {
        int64_t& n = counters[write.key][write.field];
        n = std::clamp<int64_t>(n + write.number, 0, kStoreCountMax);
        break;
      }
      case Kind::kAddMany:
        for (const StoreWrite& add : single_adds(write)) one(add, now_ms);
        break;
      case Kind::kSet:
        values[write.key] = {write.value, write.number};
        break;
      case Kind::kErase:
        counters.erase(write.key), values.erase(write.key), lists.erase(write.key);
        sets.erase(write.key);
        break;
      case Kind::kExpectValue:
        return there && value->second.first == write.value;
      case Kind::kExpectAbsent:
        return !there;
      case Kind::kPush: {
        auto& list = lists[write.key];
        list.push_front(write.value);
        while (list.size() > write.keep) list.pop_back();
        break;
      }
      case Kind::kSortedAdd:
        sets[write.key][write.value] = write.score;
        break;
      case Kind::kSortedErase:
        sets[write.key].erase(write.value);
        break;
      case Kind::kSortedTrim:
        std::erase_if(sets[write.key], [&](const auto& m) { return m.second < write.score; });
        break;
    }
    return true;
  }
};

TEST_P(StoreTest, agrees_with_a_naive_model) {
  std::mt19937 random(7);
  const auto pick = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  Model model;
  int64_t now = kNow;
  for (int round = 0; round < 600; ++round) {
    StoreBatch batch;
    for (int i = pick(8); i >= 0; --i) {
      const std::string key = "k" + std::to_string(pick(6)), value = std::to_string(pick(4));
      switch (pick(10)) {
        case 0:
          batch.set(key, value, pick(2) ? now + pick(50) : 0);
          break;
        case 1:
          batch.erase(key);
          break;
        case 2:
          batch.push(key, value, static_cast<uint32_t>(pick(4)));
          break;
        case 3:
          batch.sorted_add(key, value, pick(9) - 4.5);
          break;
        case 4:
          batch.sorted_erase(key, value);
          break;
        case 5:
          batch.sorted_trim(key, pick(9) - 4.5);
          break;
        case 6:
          if (pick(4) == 0) batch.expect_absent(key);
          break;
        case 7:
          if (pick(4) == 0) batch.expect_value(key, value);
          break;
        default:
          batch.add(key, static_cast<uint8_t>(pick(3)), pick(400) - 150);
      }
    }
    now += pick(5);
    ASSERT_EQ(apply(batch, now), model.apply(batch, now)) << round;
    if (pick(3) == 0) {
      ASSERT_TRUE(store_->expire(now, 3).has_value());
    }
    for (int k = 0; k < 6; ++k) {
      const std::string key = "k" + std::to_string(k);
      const std::vector<uint64_t> seen = counts({key}, 3);
      for (unsigned field = 0; field < 3; ++field)
        ASSERT_EQ(seen[field], static_cast<uint64_t>(model.counters[key][field])) << round;
      const auto value = model.values.find(key);
      const bool there =
          value != model.values.end() && (value->second.second == 0 || now < value->second.second);
      ASSERT_EQ(get({key}, now)[0], there ? std::optional(value->second.first) : std::nullopt)
          << round;
      const auto& list = model.lists[key];
      ASSERT_EQ(store_->list(key, 0, 99).value(),
                std::vector<std::string>(list.begin(), list.end()));
      std::vector<SortedMember> members;
      for (const auto& [member, score] : model.sets[key]) members.push_back({member, score});
      std::ranges::sort(members, {},
                        [](const SortedMember& m) { return std::pair(m.score, m.member); });
      ASSERT_EQ(store_->window(key, -99, 99, 99).value(), members) << round;
    }
  }
}

TEST_P(StoreTest, a_change_has_a_version_of_its_own) {
  const uint64_t first = store_->version();
  counts({"a"}, 1);
  EXPECT_EQ(store_->version(), first);
  StoreBatch batch;
  batch.add("a", 0, 1);
  ASSERT_TRUE(apply(batch));
  const uint64_t second = store_->version();
  EXPECT_NE(second, first);
  StoreBatch guarded;
  guarded.expect_value("none", "x");
  EXPECT_FALSE(apply(guarded));
  EXPECT_EQ(store_->version(), second);
}

TEST_P(StoreTest, writers_at_once_lose_nothing) {
  std::vector<std::thread> writers;
  for (int w = 0; w < 4; ++w)
    writers.emplace_back([&, w] {
      for (int i = 0; i < 50; ++i) {
        StoreBatch batch;
        batch.add("all", 0, 1);
        batch.add("w" + std::to_string(w), 0, 1);
        batch.expect_absent("once" + std::to_string(i));
        batch.set("once" + std::to_string(i), "x");
        if (!store_->apply(batch, kNow).value()) continue;
      }
    });
  for (std::thread& writer : writers) writer.join();
  const std::vector<uint64_t> seen = counts({"all", "w0", "w1", "w2", "w3"}, 1);
  EXPECT_EQ(seen[0], 50u);
  EXPECT_EQ(seen[1] + seen[2] + seen[3] + seen[4], 50u);
}

}  // namespace
}  // namespace winnow
