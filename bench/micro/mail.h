// What the benchmarks of stages share: real mail, and passes over it whose cost is said beside the
// row of the limits that the stage is held to.
#pragma once

#include <benchmark/benchmark.h>
#include <time.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "engine/batch.h"

namespace winnow::bench {

// Rows that facts about limits do not have, microseconds a message (a URL): bench/README.md, "Rows
// of our own", says how each was measured.
constexpr double kHeaderBlockRow = 3.3;
constexpr double kHeaderValuesRow = 2.0;
constexpr double kParseRow = 1.2 + 1.6 + 0.6 + 0.9 + kHeaderBlockRow + kHeaderValuesRow;
constexpr double kCountingRow = 1.8;
constexpr double kFoldingRow = 7.1;
constexpr double kLanguageRow = 1.8;
constexpr double kUrlRow = 0.17;

// Every file below $WINNOW_MAIL, else `count` messages of made_up(i), each followed by the zero
// bytes that a batch asks for. `paths`, where wanted: of each, empty for those made up.
template <class MadeUp>
std::vector<std::string> load_mail(size_t count, MadeUp made_up,
                                   std::vector<std::string>* paths = nullptr) {
  namespace fs = std::filesystem;
  std::vector<std::string> mail;
  if (const char* folder = std::getenv("WINNOW_MAIL")) {
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (!entry.is_regular_file()) continue;
      std::ifstream in(entry.path(), std::ios::binary);
      mail.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>{});
      if (paths) paths->push_back(entry.path().string());
    }
  }
  for (size_t i = 0; mail.size() < count; ++i) mail.push_back(made_up(static_cast<int>(i)));
  if (paths) paths->resize(mail.size());
  for (std::string& message : mail) message.append(Batch::kPadding, '\0');
  return mail;
}

// CPU time of this thread: neighbours on the machine do not count.
inline double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// The cheapest of all passes, and whether all gave the same answer, which may not be nothing.
class Passes {
 public:
  explicit Passes(benchmark::State& state) : state_(state) {}

  void add(double seconds, uint64_t answer) {
    if (least_ == 0 || seconds < least_) least_ = seconds;
    if (expected_ == 0) expected_ = answer;
    if (answer != expected_ || answer == 0) state_.SkipWithError("another answer");
    state_.SetIterationTime(seconds);
  }
  // `row_us`: the row of the limits, microseconds a message; 0 = this measures a row.
  void report(size_t messages, double row_us) {
    const double us = least_ * 1e6 / static_cast<double>(messages);
    state_.counters["us_per_message"] = us;
    if (row_us > 0) state_.counters["row_us"] = row_us;
    if (row_us > 0) state_.counters["times_row"] = us / row_us;
  }

 private:
  benchmark::State& state_;
  double least_ = 0;
  uint64_t expected_ = 0;
};

// pass(): one pass over `messages` messages, timed; returns its answer.
template <class Pass>
void run_passes(benchmark::State& state, size_t messages, double row_us, Pass pass) {
  Passes passes(state);
  for (auto _ : state) {
    const double begin = cpu_seconds();
    const uint64_t answer = pass();
    passes.add(cpu_seconds() - begin, answer);
  }
  passes.report(messages, row_us);
}

}  // namespace winnow::bench
