// Ten million tokens in a folder of statistics, learnt in five runs of two million: bytes a token
// on disk (of the model, and of the log that it can be made from again) and CPU seconds of each
// run. Wanted: 600 MB at most, at steady speed.
//
// build/bench/bench/micro/statistics_bench
#include <benchmark/benchmark.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "bench/micro/mail.h"
#include "pipeline/learn/count_table.h"
#include "pipeline/learn/statistics.h"
#include "tests/unit/own_folder.h"

namespace winnow {
namespace {

constexpr size_t kRuns = 5, kTokensOfRun = 2'000'000;

double megabytes(const std::string& folder, bool of_log) {
  uintmax_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.is_regular_file() &&
        of_log == (entry.path().filename().string().find("log") != std::string::npos))
      bytes += std::filesystem::file_size(entry.path());
  return static_cast<double>(bytes) / 1e6;
}

// Learns two million tokens that were not there before; CPU seconds.
double run(TokenStatistics& statistics, std::mt19937_64& random) {
  CountTable table;
  table.learns = {1'000, 1'000};
  while (table.counts.size() < kTokensOfRun) {
    CountTable::Count& count = table.counts[random()];
    count.spam = 1 + random() % 3;
    count.kind = static_cast<TokenKind>(random() % 11);
  }
  std::vector<LearnRecord> records;
  append_counts_records(table, records);
  const double begin = bench::cpu_seconds();
  for (size_t at = 0; at < records.size(); at += 64)
    if (!statistics.learn(
            std::span(records).subspan(at, std::min<size_t>(64, records.size() - at))))
      std::abort();
  return bench::cpu_seconds() - begin;
}

void ten_million_tokens(benchmark::State& state) {
  for (auto _ : state) {
    const OwnFolder folder;
    auto opened = TokenStatistics::open({.folder = folder.path()});
    if (!opened) std::abort();
    std::mt19937_64 random(1);
    double seconds = 0;
    for (size_t i = 0; i < kRuns; ++i) {
      const double spent = run(**opened, random);
      seconds += spent;
      state.counters["run_" + std::to_string(i + 1) + "_s"] = spent;
    }
    const Result<LearnCount> learns = (*opened)->learns(Tokenizer::kWinnow, 0);
    if (!learns || learns->spam != kRuns * 1'000) state.SkipWithError("not all was learnt");
    state.SetIterationTime(seconds);
    state.counters["model_MB"] = megabytes(folder.path(), false);
    state.counters["log_MB"] = megabytes(folder.path(), true);
  }
}
BENCHMARK(ten_million_tokens)->UseManualTime()->Iterations(1)->Unit(benchmark::kSecond);

}  // namespace
}  // namespace winnow
