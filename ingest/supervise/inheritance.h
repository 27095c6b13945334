// What a process of `winnow serve` leaves to the next one over exec: descriptors and children, as
// lines of the environment variable WINNOW_INHERIT:
//
//   socket FD FRONT         listens; FRONT is milter, http or controller, with " ssl" for TLS
//   marks FD SIDE           memory that engines share, and which side is yours (pipeline/marks.h)
//   link FD                 your end of the line to who started you
//   pid-file FD             to a supervisor: its pid file, which it holds (serve/pid_file.h)
//   engine PID FD SIDE      to a supervisor: the engine that works, and the line to it
//   draining PID SIDE       to a supervisor: an engine that ends
//
// From systemd sockets come by LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES: sd_listen_fds(3).
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "engine/result.h"
#include "ingest/serve/listen.h"

namespace winnow {

struct Inheritance {
  struct Engine {
    pid_t pid = -1;
    int link = -1;
    int side = 0;
  };
  std::vector<Listening> sockets;
  int marks = -1;
  int side = 0;
  int link = -1;
  int pid_file = -1;
  Engine engine;
  std::vector<Engine> draining;  // without lines

  std::string text() const;
  // Errors: a line that means nothing, a descriptor that is not what it should be.
  static Result<Inheritance> parse(std::string_view text);
  // What this process was left, taken out of the environment. Empty where it was left nothing.
  static Result<Inheritance> take();
  // Descriptors that the next process needs.
  std::vector<int> descriptors() const;
};

// Sockets that systemd opened: each goes to the front that LISTEN_FDNAMES names, or whose usual
// port it has. Errors: one that fits no front.
Result<std::vector<Listening>> sockets_of_systemd();

// Starts a program that is left `left`; -1 with errno. It begins with our signal mask.
pid_t start_program(const std::string& path, const std::vector<std::string>& arguments,
                    const Inheritance& left);

// Makes this process another program that is left `left`. Returns only where it fails, with errno.
void become_program(const std::string& path, const std::vector<std::string>& arguments,
                    const Inheritance& left);

}  // namespace winnow
