// A child process that is killed in the middle of what it does.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>

namespace winnow {

// Runs run(acknowledge) in a child, which writes one byte there after each thing that it has done
// and never ends; kills it after `after` of them, in the midst of the next one (`spin`: so much
// later, in steps of a nanosecond or so). Returns how many it acknowledged; 0: something is wrong.
template <class Run>
uint64_t acknowledged_when_killed(unsigned after, unsigned spin, const Run& run) {
  int ends[2];
  if (pipe(ends) != 0) return 0;
  const pid_t child = fork();
  if (child < 0) return 0;
  if (child == 0) {
    close(ends[0]);
    run(ends[1]);
    _exit(3);
  }
  close(ends[1]);
  uint64_t acknowledged = 0;
  char byte;
  while (acknowledged < after && read(ends[0], &byte, 1) == 1) ++acknowledged;
  volatile uint64_t spun = spin;  // so that it is computed
  for (unsigned left = spin; left > 0; --left) spun = spun * 31 + left;
  kill(child, SIGKILL);
  while (read(ends[0], &byte, 1) == 1) ++acknowledged;
  close(ends[0]);
  int status = 0;
  if (waitpid(child, &status, 0) != child) return 0;
  EXPECT_TRUE(WIFSIGNALED(status)) << WEXITSTATUS(status);
  return acknowledged;
}

}  // namespace winnow
