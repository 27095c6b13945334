// A store that is full, on a full disk, of a newer version, damaged, or not there: an error that
// says so, and what was there before is still there.
#include <gtest/gtest.h>
#include <lmdb.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "pipeline/lookup/store/lmdb_store.h"
#include "pipeline/lookup/store/memory_store.h"
#include "tests/unit/own_folder.h"

namespace winnow {
namespace {

constexpr int64_t kNow = 1'700'000'000'000;

std::unique_ptr<Store> open(const std::string& folder, uint64_t limit = 64 << 20) {
  auto opened = open_lmdb_store({.folder = folder, .limit_bytes = limit});
  EXPECT_TRUE(opened.has_value()) << opened.error().text();
  return opened ? std::move(*opened) : nullptr;
}

std::string error_of(const LmdbOptions& options) {
  const auto opened = open_lmdb_store(options);
  return opened ? "" : opened.error().text();
}

// Batches of 4 KB until one fails; returns how many were taken.
unsigned fill(Store& store, std::string& error) {
  for (unsigned i = 0; i < 100'000; ++i) {
    StoreBatch batch;
    batch.set("filler" + std::to_string(i), std::string(4'000, 'x'));
    batch.add("taken", 0, 1);
    if (const Result<bool> done = store.apply(batch, kNow); !done) {
      error = done.error().text();
      return i;
    }
  }
  return 100'000;
}

uint64_t taken(const Store& store) {
  const std::string_view key = "taken";
  return store.counts({&key, 1}, 1).value()[0];
}

TEST(StoreFaults, a_full_store_says_its_limit_and_keeps_what_it_has) {
  const OwnFolder folder;
  std::string error;
  unsigned good = 0;
  {
    const auto store = open(folder.path(), 1 << 20);
    good = fill(*store, error);
    EXPECT_NE(error.find("the store is full: its limit is 1048576 bytes"), std::string::npos)
        << error;
    EXPECT_EQ(taken(*store), good);
  }
  EXPECT_GT(good, 50u);
  // With more room it goes on.
  const auto store = open(folder.path(), 4 << 20);
  EXPECT_EQ(taken(*store), good);
  StoreBatch batch;
  batch.add("taken", 0, 1);
  EXPECT_TRUE(store->apply(batch, kNow).value());
  EXPECT_EQ(taken(*store), good + 1);
}

TEST(StoreFaults, a_full_store_can_be_emptied) {
  const OwnFolder folder;
  const auto store = open(folder.path(), 1 << 20);
  std::string error;
  const unsigned good = fill(*store, error);
  for (unsigned i = 0; i < good; ++i) {
    StoreBatch batch;
    batch.erase("filler" + std::to_string(i));
    if (!store->apply(batch, kNow)) break;
  }
  StoreBatch batch;
  batch.set("again", std::string(4'000, 'x'));
  EXPECT_TRUE(store->apply(batch, kNow).has_value());
}

TEST(StoreFaults, memory_has_a_limit_too) {
  const std::unique_ptr<Store> store = memory_store(100'000);
  std::string error;
  const unsigned good = fill(*store, error);
  EXPECT_EQ(good, 24u);
  EXPECT_NE(error.find("the store is full"), std::string::npos) << error;
  EXPECT_EQ(taken(*store), good);
}

// A limit on the size of files is to a writer what a full disk is. In a process of its own.
TEST(StoreFaults, a_disk_that_takes_no_more_is_an_error_and_not_the_end) {
  const OwnFolder folder;
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1 << 20, 1 << 20};
    setrlimit(RLIMIT_FSIZE, &limit);
    const auto store = open(folder.path());
    std::string error;
    const unsigned good = store ? fill(*store, error) : 0;
    const bool said = error.find("the store cannot be used: ") != std::string::npos &&
                      error.find(folder.path()) != std::string::npos;
    const bool kept = store && taken(*store) == good;
    _exit(said && kept && good > 50 ? static_cast<int>(good % 200) + 20 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  ASSERT_GE(WEXITSTATUS(status), 20);
  const auto store = open(folder.path());
  EXPECT_EQ(taken(*store) % 200 + 20, static_cast<uint64_t>(WEXITSTATUS(status)));
  StoreBatch batch;
  batch.set("room", std::string(2 << 20, 'x'));
  EXPECT_TRUE(store->apply(batch, kNow).has_value());
}

TEST(StoreFaults, a_newer_format_is_refused_and_not_touched) {
  const OwnFolder folder;
  open(folder.path());
  {
    // As a later version would leave it.
    MDB_env* environment = nullptr;
    ASSERT_EQ(mdb_env_create(&environment), 0);
    ASSERT_EQ(mdb_env_open(environment, folder.path().c_str(), 0, 0640), 0);
    MDB_txn* txn = nullptr;
    MDB_dbi dbi = 0;
    ASSERT_EQ(mdb_txn_begin(environment, nullptr, 0, &txn), 0);
    ASSERT_EQ(mdb_dbi_open(txn, nullptr, 0, &dbi), 0);
    uint32_t format = kLmdbFormat + 1;
    char name[] = "mformat";
    MDB_val key{7, name}, value{4, &format};
    ASSERT_EQ(mdb_put(txn, dbi, &key, &value, 0), 0);
    ASSERT_EQ(mdb_txn_commit(txn), 0);
    mdb_env_close(environment);
  }
  for (const bool read_only : {false, true})
    EXPECT_NE(error_of({.folder = folder.path(), .read_only = read_only})
                  .find("the store has format 3, this version knows formats up to 2"),
              std::string::npos);
}

TEST(StoreFaults, what_is_no_store_is_said) {
  const OwnFolder folder;
  std::ofstream(folder.path() + "/data.mdb") << std::string(20'000, 'x');
  EXPECT_NE(error_of({.folder = folder.path()}).find("not a store"), std::string::npos);
  EXPECT_NE(error_of({.folder = folder.path() + "/none", .read_only = true}), "");
  EXPECT_FALSE(lmdb_store_exists(folder.path() + "/none"));
  std::ofstream(folder.path() + "/file") << "x";
  EXPECT_NE(error_of({.folder = folder.path() + "/file/store"}).find("cannot be made"),
            std::string::npos);
}

TEST(StoreFaults, a_reader_beside_the_writer_sees_what_is_acknowledged) {
  const OwnFolder folder;
  const auto writer = open(folder.path());
  StoreBatch batch;
  batch.add("taken", 0, 1);
  ASSERT_TRUE(writer->apply(batch, kNow).value());
  const pid_t child = fork();  // another process: LMDB is open once in each
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto reader = open_lmdb_store({.folder = folder.path(), .read_only = true});
    _exit(reader && taken(**reader) == 1 && !(*reader)->apply(batch, kNow) ? 7 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 7);
}

}  // namespace
}  // namespace winnow
