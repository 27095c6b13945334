// Packed counters against rows in a plain map, whatever the numbers; and a store of the format
// before them.
#include <gtest/gtest.h>
#include <lmdb.h>

#include <algorithm>
#include <map>
#include <random>

#include "pipeline/lookup/store/lmdb_store.h"
#include "pipeline/lookup/store/memory_store.h"
#include "pipeline/lookup/store/packed_counters.h"
#include "tests/unit/own_folder.h"

namespace winnow {
namespace {

constexpr int64_t kNow = 1'700'000'000'000;
constexpr std::array<PackedFamily, 2> kFamilies{{{'t', 10}, {'u', 18}}};
constexpr uint64_t kLast = UINT64_MAX;

std::string key_of(std::string_view head, uint64_t number) {
  std::string key(head);
  for (int shift = 56; shift >= 0; shift -= 8) key += static_cast<char>(number >> shift & 0xFF);
  return key;
}

TEST(Packed, RowsAsBytes) {
  const auto bytes = [](std::vector<PackedRow> rows) {
    std::string out;
    append_packed(rows, out);
    std::vector<PackedRow> again;
    EXPECT_TRUE(read_packed(out, again));
    EXPECT_EQ(again, rows);
    return out;
  };
  EXPECT_EQ(bytes({}), "");
  EXPECT_EQ(bytes({{5, {1, 2}}}), "\x05\x12");
  EXPECT_EQ(bytes({{5, {14, 14}}, {6, {0, 1}}}), std::string("\x05\xEE\x01\x01"));
  EXPECT_EQ(bytes({{0, {15, 0}}}), std::string("\x00\xFF\x0F\x00", 4));
  EXPECT_EQ(bytes({{0, {1, 0}}, {kLast, {UINT32_MAX, UINT32_MAX}}}).size(), 2 + 10 + 1 + 5 + 5u);
}

TEST(Packed, WhatIsNoRows) {
  for (const std::string_view bytes :
       {std::string_view("\x05"), std::string_view("\x85"), std::string_view("\x05\xF1"),
        std::string_view("\x05\x1F"), std::string_view("\x05\xFF\x01"),
        std::string_view("\x05\x11\x00\x11", 4),                           // the same number again
        std::string_view("\x05\xFF\xFF\xFF\xFF\xFF\x1F\x01"),              // a count of 33 bits
        std::string_view("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02\x11"),  // a number of 65
        std::string_view("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01\x11\x01\x11")}) {
    std::vector<PackedRow> rows;
    EXPECT_FALSE(read_packed(bytes, rows)) << bytes.size();
  }
}

class PackedStore : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (std::string_view(GetParam()) == "memory")
      store_ = memory_store(1 << 30, kFamilies);
    else
      store_ =
          open_lmdb_store({.folder = folder_.path(), .sync = false, .packed = kFamilies}).value();
  }
  using Rows = std::map<std::string, std::array<int64_t, 2>>;
  void add(StoreBatch& batch, Rows& rows, const std::string& key, uint8_t field, int64_t by) {
    batch.add(key, field, by);
    int64_t& count = rows[key][field];
    count = std::clamp<int64_t>(count + by, 0, kStoreCountMax);
  }
  // What is seen of the rows whose keys start with `prefix`, in steps.
  std::vector<CounterRow> seen(std::string_view prefix, uint32_t step) const {
    std::vector<CounterRow> out;
    for (std::string after;;) {
      const std::vector<CounterRow> rows = store_->scan(prefix, after, step).value();
      out.insert(out.end(), rows.begin(), rows.end());
      if (rows.size() < step) return out;
      after = rows.back().key;
    }
  }
  static std::vector<CounterRow> expected(const Rows& rows, std::string_view prefix) {
    std::vector<CounterRow> out;
    for (const auto& [key, counts] : rows) {
      if (!key.starts_with(prefix) || (counts[0] == 0 && counts[1] == 0)) continue;
      out.push_back({key, {static_cast<uint64_t>(counts[0])}});
      if (counts[1] != 0) out.back().counts.push_back(static_cast<uint64_t>(counts[1]));
    }
    return out;
  }

  OwnFolder folder_;
  std::unique_ptr<Store> store_;
};
INSTANTIATE_TEST_SUITE_P(Backends, PackedStore, testing::Values("memory", "lmdb"));

TEST_P(PackedStore, agrees_with_plain_rows) {
  std::mt19937_64 random(11);
  const std::string user = key_of("u1", 7), other = key_of("u1", 8);
  const auto number = [&]() -> uint64_t {
    switch (random() % 6) {
      case 0:
        return random() % 3;
      case 1:
        return kLast - random() % 3;
      case 2:
        return random() % 4'000;  // neighbours
      default:
        return random() % 2'000 * 0x9E3779B97F4A7C15u;
    }
  };
  Rows rows;
  for (int round = 0; round < 120; ++round) {
    StoreBatch batch;
    for (int i = 0; i < 40; ++i) {
      const std::string_view heads[] = {"t1", "t2", user, other};
      add(batch, rows, key_of(heads[random() % 4], number()), random() % 2,
          static_cast<int64_t>(random() % 60) - 25);
    }
    for (const char* const plain : {"s", "tz", "v", "zz"})
      if (plain[0] != 't') add(batch, rows, plain, 0, 1);
    if (round % 3 == 0) {
      std::map<uint64_t, CounterDelta> many;
      for (int i = 0; i < 600; ++i) {
        const uint64_t one = number();
        many[one] = {one,
                     {static_cast<int64_t>(random() % 50) - 20,
                      random() % 9 == 0 ? -INT64_MAX : static_cast<int64_t>(random() % 3)}};
      }
      std::vector<CounterDelta> deltas;
      for (const auto& [one, delta] : many) {
        deltas.push_back(delta);
        std::array<int64_t, 2>& row = rows[key_of("t1", one)];
        for (size_t field = 0; field < 2; ++field) {
          const int64_t by = std::max<int64_t>(delta.by[field], -int64_t{kStoreCountMax});
          row[field] = std::clamp<int64_t>(row[field] + by, 0, kStoreCountMax);
        }
      }
      batch.add_many("t1", deltas);
    }
    if (round % 7 == 0) {
      const std::string gone = key_of("t2", number());
      batch.erase(gone);
      rows.erase(gone);
    }
    ASSERT_TRUE(store_->apply(batch, kNow).value());
    if (round % 5 != 0) continue;
    for (const std::string& prefix :
         {std::string(), std::string("t"), std::string("t2"), std::string("u1"), user,
          std::string("t1\0\0", 4), std::string("s"), std::string("tx")})
      ASSERT_EQ(seen(prefix, 1 + random() % 300), expected(rows, prefix)) << round;
    std::vector<CounterRow> walked;
    ASSERT_TRUE(store_
                    ->walk("",
                           [&](std::string_view key, std::span<const uint64_t> counts) {
                             walked.push_back({std::string(key), {counts.begin(), counts.end()}});
                             return true;
                           })
                    .has_value());
    ASSERT_EQ(walked, expected(rows, ""));
    std::vector<std::string_view> keys;
    for (const auto& [key, counts] : rows) keys.push_back(key);
    std::ranges::shuffle(keys, random);
    const std::vector<uint64_t> counts = store_->counts(keys, 2).value();
    for (size_t i = 0; i < keys.size(); ++i)
      for (size_t field = 0; field < 2; ++field)
        ASSERT_EQ(counts[2 * i + field], static_cast<uint64_t>(rows[std::string(keys[i])][field]));
  }
}

TEST_P(PackedStore, keys_and_fields_have_limits) {
  const auto refused = [&](const std::string& key, uint8_t field) {
    StoreBatch batch;
    batch.add(key, field, 1);
    const Result<bool> done = store_->apply(batch, kNow);
    EXPECT_FALSE(done.has_value()) << key;
    return done ? "" : done.error().what;
  };
  EXPECT_EQ(refused("t", 0), "counters that begin with 't' have keys of 10 bytes, and 2 fields");
  refused(key_of("t1x", 1), 0);
  refused(key_of("t1", 1), kPackedFields);
  StoreBatch batch;
  const CounterDelta delta{1, {1, 1}};
  batch.add_many("t12", {&delta, 1});
  EXPECT_FALSE(store_->apply(batch, kNow).has_value());
  const std::vector<std::string_view> keys{"t", "tttttttttttttttttttttttt"};
  EXPECT_EQ(store_->counts(keys, 2).value(), std::vector<uint64_t>(4));
}

TEST_P(PackedStore, a_batch_that_fails_leaves_nothing) {
  std::vector<CounterDelta> deltas;
  for (uint64_t i = 0; i < 1'000; ++i) deltas.push_back({i * i, {1, 0}});
  StoreBatch good, bad;
  good.add_many("t1", deltas);
  ASSERT_TRUE(store_->apply(good, kNow).value());
  const std::vector<CounterRow> before = store_->scan("", "", 2'000).value();
  bad.add_many("t1", deltas);
  bad.expect_value("none", "x");
  EXPECT_FALSE(store_->apply(bad, kNow).value());
  EXPECT_EQ(store_->scan("", "", 2'000).value(), before);
}

TEST(PackedLmdb, a_row_takes_few_bytes) {
  const OwnFolder folder;
  const auto store =
      open_lmdb_store({.folder = folder.path(), .sync = false, .packed = kFamilies}).value();
  std::mt19937_64 random(3);
  constexpr size_t kRows = 300'000;
  for (int step = 0; step < 3; ++step) {
    std::vector<CounterDelta> deltas(kRows / 3);
    for (CounterDelta& one : deltas) one = {random(), {1, 0}};
    std::ranges::sort(deltas, {}, &CounterDelta::number);
    StoreBatch batch;
    batch.add_many("t1", deltas);
    ASSERT_TRUE(store->apply(batch, kNow).value());
  }
  EXPECT_EQ(store->scan("t", "", kRows + 1).value().size(), kRows);
  EXPECT_LT(store->size()->used_bytes, kRows * 20);
}

// As the version before left it.
void make_old(const std::string& folder, unsigned rows) {
  {
    const auto store = open_lmdb_store({.folder = folder, .sync = false}).value();
    StoreBatch batch;
    for (uint64_t i = 0; i < rows; ++i) batch.add(key_of("t1", i * 0x9E3779B97F4A7C15u), i % 2, 3);
    batch.add(key_of("u2", 5) + "12345678", 1, 70'000);
    batch.add("n1", 0, 4);
    ASSERT_TRUE(store->apply(batch, kNow).value());
  }
  MDB_env* environment = nullptr;
  ASSERT_EQ(mdb_env_create(&environment), 0);
  ASSERT_EQ(mdb_env_set_mapsize(environment, 1 << 30), 0);
  ASSERT_EQ(mdb_env_open(environment, folder.c_str(), 0, 0640), 0);
  MDB_txn* txn = nullptr;
  MDB_dbi dbi = 0;
  ASSERT_EQ(mdb_txn_begin(environment, nullptr, 0, &txn), 0);
  ASSERT_EQ(mdb_dbi_open(txn, nullptr, 0, &dbi), 0);
  uint32_t format = 1;
  char name[] = "mformat";
  MDB_val key{7, name}, value{4, &format};
  ASSERT_EQ(mdb_put(txn, dbi, &key, &value, 0), 0);
  ASSERT_EQ(mdb_txn_commit(txn), 0);
  mdb_env_close(environment);
}

// Also by who only reads; more rows than one step moves.
TEST(PackedLmdb, a_store_of_the_format_before_is_brought_up_to_date) {
  for (const bool read_only : {false, true}) {
    const OwnFolder folder;
    const unsigned rows = read_only ? 10 : 70'000;
    make_old(folder.path(), rows);
    const std::vector<CounterRow> before =
        open_lmdb_store({.folder = folder.path()}).value()->scan("", "", rows + 9).value();
    make_old(folder.path() + "/again", rows);
    const auto store = open_lmdb_store(
        {.folder = folder.path() + "/again", .read_only = read_only, .packed = kFamilies});
    ASSERT_TRUE(store.has_value()) << store.error().text();
    EXPECT_EQ(before.size(), rows + 2);
    EXPECT_EQ((*store)->scan("", "", rows + 9).value(), before);
    const std::string key = key_of("t1", 3 * 0x9E3779B97F4A7C15u);
    const std::string_view name = key;
    EXPECT_EQ((*store)->counts({&name, 1}, 2).value(), (std::vector<uint64_t>{0, 3}));
  }
}

}  // namespace
}  // namespace winnow
