// The supervisor of `winnow serve`: keeps the listening sockets, and an engine that works at them.
//
//   engine      started by fork and exec of this program with the sockets inherited; it says
//               "ready", "alive" (each second), "reloaded" on its line
//   it dies     connections wait in the sockets' queues; the next engine starts, at once the first
//               time, then after growing pauses
//   it hangs    silent for hang_max_ms, or on one batch for stuck_max_ms: ABRT, then as above
//   TERM, INT   the engine drains, then all ends
//   HUP, USR1   go to the engine: rules, logs
//   USR2        a second engine starts from the program file as it is now. Once it is ready, the
//               first one drains, and the supervisor becomes that program too (exec: its process id
//               stays). If it dies before, all stays as it was
//
// One thread, one poll(); signals come through a signalfd.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/result.h"
#include "ingest/supervise/inheritance.h"
#include "ingest/supervise/notify.h"

namespace winnow {

struct SupervisorOptions {
  std::string program;                 // file of this program
  std::vector<std::string> supervise;  // arguments of a supervisor, with argv[0]
  std::vector<std::string> engine;     // of an engine
  int64_t start_max_ms = 300'000;      // from start to "ready"
  int64_t hang_max_ms = 30'000;
  int64_t stuck_max_ms = 300'000;
  int64_t drain_max_ms = 30'000;  // a draining engine is killed then
  int64_t pause_max_ms = 5'000;   // between two engines that die
};

struct SupervisorHooks {
  std::function<void(std::string_view)> log;
  std::function<void()> reopen_logs;
  // The engine of this side died: notes what it was scanning; says how many messages that was.
  std::function<size_t(int side)> died;
  // For how long it has been at its oldest batch.
  std::function<int64_t(int side)> busy_ms;
};

class Supervisor {
 public:
  // What `left` holds: sockets and marks; an engine where this is the program after an upgrade.
  Supervisor(const SupervisorOptions& options, SupervisorHooks hooks, Inheritance left);
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  // Until TERM or INT. The exit code: the engine's own where it never became ready.
  Result<int> run();

 private:
  using Clock = std::chrono::steady_clock;
  struct Engine {
    pid_t pid = -1;
    int link = -1;
    int side = 0;  // of the marks
    bool ready = false;
    Clock::time_point started, heard;
  };

  bool start(Engine& engine);
  int free_side() const;
  void hear(Engine& engine);
  void signals();
  void reap();
  void ended(const Engine& engine, int status);
  void promote();
  void stop();
  void watch(Clock::time_point now);
  int wait_ms(Clock::time_point now) const;
  void send(const Engine& engine, int signal) const;

  const SupervisorOptions options_;
  const SupervisorHooks hooks_;
  Inheritance left_;
  Notify notify_;
  int signal_fd_ = -1;
  Engine current_, next_;
  std::vector<Inheritance::Engine> draining_;
  bool was_ready_ = false;  // some engine was
  bool stopping_ = false, over_ = false;
  int exit_code_ = 0;
  int deaths_ = 0;  // since an engine last lived for a while
  Clock::time_point start_at_, kill_at_, notified_;
};

}  // namespace winnow
