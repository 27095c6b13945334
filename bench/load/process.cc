#include "bench/load/process.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <fstream>
#include <limits>
#include <sstream>
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

// Nanoseconds that the threads ran: finer than the ticks of /proc/PID/stat.
double thread_seconds(pid_t pid) {
  std::ifstream stat(fmt::format("/proc/{}/stat", pid));
  std::string text((std::istreambuf_iterator<char>(stat)), {});
  const size_t end = text.rfind(')');
  if (end == std::string::npos) return 0;
  std::istringstream in(text.substr(end + 2));
  std::string skipped;
  for (int i = 0; i < 11; ++i) in >> skipped;
  double user = 0, system = 0;
  in >> user >> system;
  return (user + system) / 100;  // the unit of /proc on every Linux we know
}

}  // namespace

double cpu_seconds(pid_t pid) {
  double sum = 0;
  for (const pid_t one : family(pid)) sum += thread_seconds(one);
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
