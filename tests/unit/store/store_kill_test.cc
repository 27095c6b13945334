// kill -9 at any moment loses nothing that was acknowledged, and leaves no half of a batch.
//
// A child writes batches one after the other and tells each through a pipe once apply() has said
// that it is kept; it is killed after a random number of them, wherever it is then. 30 times, 200
// with WINNOW_DEEP=1.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <random>

#include "pipeline/lookup/store/lmdb_store.h"
#include "tests/unit/killed_child.h"
#include "tests/unit/own_folder.h"

namespace winnow {
namespace {

constexpr int64_t kNow = 1'700'000'000'000;
constexpr unsigned kRows = 40;  // a batch touches all of them, on many pages

std::string row(unsigned i) { return "row " + std::to_string(i * 7919) + std::string(200, '.'); }

[[noreturn]] void write_for_ever(const std::string& folder, int acknowledge) {
  auto store = open_lmdb_store({.folder = folder, .limit_bytes = 64 << 20});
  if (!store) _exit(2);
  for (;;) {
    StoreBatch batch;
    for (unsigned i = 0; i < kRows; ++i) batch.add(row(i), 0, 1);
    batch.push("log", "entry", 1'000'000);
    const Result<bool> done = (*store)->apply(batch, kNow);
    if (!done || !*done || write(acknowledge, "+", 1) != 1) _exit(3);
  }
}

TEST(StoreKill, loses_nothing_that_was_acknowledged) {
  const OwnFolder folder;
  const int kills = std::getenv("WINNOW_DEEP") ? 200 : 30;
  std::mt19937 random(11);
  uint64_t known = 0;
  for (int kill_number = 0; kill_number < kills; ++kill_number) {
    const uint64_t acknowledged = acknowledged_when_killed(
        1 + random() % 5, random() % 1'000'000,
        [&](int acknowledge) { write_for_ever(folder.path(), acknowledge); });
    ASSERT_GT(acknowledged, 0u);

    // Looked at by a child as well, so that no lock of LMDB lives on in this process.
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t reader = fork();
    if (reader == 0) {
      auto store = open_lmdb_store({.folder = folder.path(), .limit_bytes = 64 << 20});
      if (!store) _exit(2);
      std::vector<std::string> names;
      for (unsigned i = 0; i < kRows; ++i) names.push_back(row(i));
      const std::vector<std::string_view> keys(names.begin(), names.end());
      const std::vector<uint64_t> counts = (*store)->counts(keys, 1).value();
      for (const uint64_t count : counts)
        if (count != counts[0]) _exit(4);
      if ((*store)->list("log", 0, 1'000'000).value().size() != counts[0]) _exit(5);
      _exit(write(ends[1], &counts[0], sizeof counts[0]) == sizeof counts[0] ? 0 : 6);
    }
    int status = 0;
    ASSERT_EQ(waitpid(reader, &status, 0), reader);
    ASSERT_EQ(WEXITSTATUS(status), 0) << "kill " << kill_number;
    uint64_t seen = 0;
    ASSERT_EQ(read(ends[0], &seen, sizeof seen), static_cast<ssize_t>(sizeof seen));
    close(ends[0]), close(ends[1]);
    ASSERT_GE(seen, known + acknowledged) << "kill " << kill_number;
    ASSERT_LE(seen, known + acknowledged + 1) << "kill " << kill_number;
    known = seen;
  }
}

}  // namespace
}  // namespace winnow
