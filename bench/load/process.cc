#include "bench/load/process.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <time.h>

#include <fstream>
#include <string>
#include <vector>

namespace winnow::load {

namespace {

std::vector<pid_t> family(pid_t pid) {
  std::vector<pid_t> out;
  if (pid != 0) out.push_back(pid);
  for (size_t i = 0; i < out.size(); ++i) {
    std::ifstream in(fmt::format("/proc/{0}/task/{0}/children", out[i]));
    for (pid_t child = 0; in >> child;) out.push_back(child);
  }
  return out;
}

// Its CPU clock, which counts nanoseconds of all its threads; /proc/PID/stat counts ticks of 10 ms.
double process_seconds(pid_t pid) {
  clockid_t clock{};
  timespec time{};
  if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &time) != 0) return 0;
  return double(time.tv_sec) + double(time.tv_nsec) / 1e9;
}

}  // namespace

double cpu_seconds(pid_t pid) {
  double sum = 0;
  for (const pid_t one : family(pid)) sum += process_seconds(one);
  return sum;
}

uint64_t memory_kb(pid_t pid) {
  uint64_t sum = 0;
  for (const pid_t one : family(pid)) {
    std::ifstream in(fmt::format("/proc/{}/smaps_rollup", one));
    for (std::string word; in >> word;)
      if (uint64_t value = 0; word == "Rss:" && in >> value) {
        sum += value;
        break;
      }
  }
  return sum;
}

double own_cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) { return double(t.tv_sec) + double(t.tv_usec) / 1e6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace winnow::load
