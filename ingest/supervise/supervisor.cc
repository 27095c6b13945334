#include "ingest/supervise/supervisor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

namespace winnow {

namespace {

constexpr int kSignals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD};
constexpr int64_t kTickMs = 1000;
constexpr int64_t kFirstPauseMs = 100;
constexpr int64_t kLivedMs = 10'000;  // an engine that lived so long did not die of its start

std::chrono::milliseconds ms(int64_t value) { return std::chrono::milliseconds(value); }

std::string how(int status) {
  if (WIFSIGNALED(status))
    return fmt::format("of signal {} ({})", WTERMSIG(status), ::strsignal(WTERMSIG(status)));
  return fmt::format("with exit code {}", WEXITSTATUS(status));
}

}  // namespace

Supervisor::Supervisor(const SupervisorOptions& options, SupervisorHooks hooks, Inheritance left)
    : options_(options), hooks_(std::move(hooks)), left_(std::move(left)) {
  // An engine that was left to us works; that it is well it will say by itself.
  if (const Inheritance::Engine engine = std::exchange(left_.engine, {}); engine.pid > 0) {
    current_ = {engine.pid, engine.link, engine.side, true, Clock::now(), Clock::now()};
    was_ready_ = true;
  }
  draining_ = std::exchange(left_.draining, {});
}

Supervisor::~Supervisor() {
  for (const int fd : {signal_fd_, current_.link, next_.link})
    if (fd >= 0) ::close(fd);
}

Result<int> Supervisor::run() {
  // Blocked for good: engines begin with them blocked too, so none is lost while they start.
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : kSignals) sigaddset(&set, signal);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  signal_fd_ = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signal_fd_ < 0) return fail(fmt::format("no signalfd: {}", std::strerror(errno)));
  kill_at_ = Clock::time_point::max();
  if (was_ready_) {
    hooks_.log(fmt::format("upgraded, engine {} works", current_.pid));
    notify_.send(fmt::format("READY=1\nMAINPID={}\nSTATUS=Upgraded", ::getpid()));
    reap();
  }
  while (!over_) {
    const Clock::time_point now = Clock::now();
    if (!stopping_ && current_.pid < 0 && now >= start_at_ && !start(current_))
      return fail(fmt::format("no engine can be started: {}", std::strerror(errno)));
    pollfd fds[] = {{signal_fd_, POLLIN, 0}, {current_.link, POLLIN, 0}, {next_.link, POLLIN, 0}};
    if (::poll(fds, 3, wait_ms(now)) < 0 && errno != EINTR)
      return fail(fmt::format("poll: {}", std::strerror(errno)));
    // Lines before signals: "ready" counts for an engine that died just after it.
    if (fds[1].revents) hear(current_);
    if (fds[2].revents) hear(next_);
    if (fds[0].revents) signals();
    watch(Clock::now());
  }
  return exit_code_;
}

bool Supervisor::start(Engine& engine) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
    return false;
  Inheritance left;
  left.sockets = left_.sockets;
  left.marks = left_.marks;
  left.side = free_side();
  left.link = ends[1];
  const pid_t pid = start_program(options_.program, options_.engine, left);
  ::close(ends[1]);
  if (pid < 0) {
    ::close(ends[0]);
    return false;
  }
  engine = {pid, ends[0], left.side, false, Clock::now(), Clock::now()};
  return true;
}

// A side of the marks that no living engine has.
int Supervisor::free_side() const {
  for (int side = 0;; ++side) {
    const bool taken =
        (current_.pid > 0 && current_.side == side) || (next_.pid > 0 && next_.side == side) ||
        std::ranges::any_of(draining_, [&](const auto& one) { return one.side == side; });
    if (!taken) return side;
  }
}

void Supervisor::hear(Engine& engine) {
  char text[64];
  const ssize_t size = ::recv(engine.link, text, sizeof text, 0);
  if (size <= 0) {
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    ::close(std::exchange(engine.link, -1));  // it ends; SIGCHLD tells the rest
    return;
  }
  engine.heard = Clock::now();
  const std::string_view word(text, static_cast<size_t>(size));
  if (word == "ready") {
    engine.ready = was_ready_ = true;
    hooks_.log(fmt::format("engine {} works", engine.pid));
    if (!stopping_) notify_.send("READY=1\nSTATUS=Scanning");
    if (&engine == &next_) promote();
  } else if (word == "reloaded") {
    notify_.send("READY=1\nSTATUS=Scanning");
  }
}

// The new engine is ready: the old one drains, and this process becomes the new program.
void Supervisor::promote() {
  if (current_.pid > 0) {
    send(current_, SIGTERM);
    draining_.push_back({current_.pid, -1, current_.side});
    kill_at_ = Clock::now() + ms(options_.drain_max_ms);
  }
  if (current_.link >= 0) ::close(current_.link);
  current_ = std::exchange(next_, {});
  if (stopping_) return stop();
  Inheritance left = left_;
  left.engine = {current_.pid, current_.link, current_.side};
  left.draining = draining_;
  become_program(options_.program, options_.supervise, left);
  hooks_.log(fmt::format("the supervisor stays the old one: {}", std::strerror(errno)));
}

void Supervisor::signals() {
  signalfd_siginfo info;
  while (::read(signal_fd_, &info, sizeof info) == sizeof info) {
    switch (info.ssi_signo) {
      case SIGTERM:
      case SIGINT:
        stop();
        break;
      case SIGHUP:
        if (current_.ready && !stopping_) notify_.reloading();
        send(current_, SIGHUP);
        send(next_, SIGHUP);
        break;
      case SIGUSR1:
        hooks_.reopen_logs();
        send(current_, SIGUSR1);
        send(next_, SIGUSR1);
        break;
      case SIGUSR2:
        if (stopping_ || next_.pid > 0) break;
        hooks_.log(start(next_) ? "upgrade: a new engine starts" : "upgrade: no engine starts");
        break;
      case SIGCHLD:
        reap();
        break;
    }
  }
}

void Supervisor::stop() {
  if (!stopping_) {
    stopping_ = true;
    hooks_.log("ending");
    notify_.send("STOPPING=1\nSTATUS=Draining");
    kill_at_ = Clock::now() + ms(options_.drain_max_ms);
  }
  for (Engine* const one : {&current_, &next_})
    // Before it is ready it does not know how to drain, and has nothing to.
    send(*one, one->ready ? SIGTERM : SIGKILL);
  over_ = current_.pid < 0 && next_.pid < 0 && draining_.empty();
}

void Supervisor::reap() {
  int status = 0;
  for (pid_t pid; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
    const auto old = std::ranges::find(draining_, pid, &Inheritance::Engine::pid);
    if (old != draining_.end()) {
      hooks_.log(fmt::format("the old engine {} ended {}", pid, how(status)));
      if (WIFSIGNALED(status)) hooks_.died(old->side);
      draining_.erase(old);
      continue;
    }
    for (Engine* const one : {&current_, &next_})
      if (one->pid == pid) {
        if (one->link >= 0) {
          hear(*one);
          if (one->link >= 0) ::close(one->link);
        }
        const Engine dead = std::exchange(*one, {});
        if (one == &next_)
          hooks_.log(
              fmt::format("upgrade: the new engine ended {}; the old one goes on", how(status)));
        else
          ended(dead, status);
      }
  }
  if (draining_.empty() && !stopping_) kill_at_ = Clock::time_point::max();
  if (stopping_) over_ = current_.pid < 0 && next_.pid < 0 && draining_.empty();
}

void Supervisor::ended(const Engine& engine, int status) {
  if (stopping_) return;
  if (!was_ready_) {
    // It never worked: what is wrong it has said itself.
    exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 70;
    over_ = true;
    return;
  }
  const size_t suspects = hooks_.died(engine.side);
  hooks_.log(fmt::format("engine {} died {} with {} messages in work; the next one starts",
                         engine.pid, how(status), suspects));
  const Clock::time_point now = Clock::now();
  if (engine.ready && now - engine.started > ms(kLivedMs)) deaths_ = 0;
  const int64_t pause =
      deaths_ == 0 ? 0 : std::min(options_.pause_max_ms, kFirstPauseMs << std::min(deaths_, 16));
  ++deaths_;
  start_at_ = now + ms(pause);
}

// Each second and after each event: who is silent, who is stuck, who does not end.
void Supervisor::watch(Clock::time_point now) {
  if (current_.pid > 0 && !stopping_) {
    const bool hangs =
        now - current_.heard > ms(current_.ready ? options_.hang_max_ms : options_.start_max_ms);
    const bool stuck = current_.ready && hooks_.busy_ms(current_.side) > options_.stuck_max_ms;
    if (hangs || stuck) {
      hooks_.log(fmt::format("engine {} {}", current_.pid,
                             hangs ? "says nothing any more" : "does not come to an end"));
      current_.heard = now;  // one signal a period
      send(current_, SIGABRT);
    }
  }
  if (now >= kill_at_) {
    for (const Inheritance::Engine& one : draining_) ::kill(one.pid, SIGKILL);
    if (stopping_) send(current_, SIGKILL);
    if (stopping_) send(next_, SIGKILL);
    kill_at_ = Clock::time_point::max();
  }
  if (notify_.watchdog().count() > 0 && now - notified_ >= notify_.watchdog() / 3) {
    notify_.send("WATCHDOG=1");
    notified_ = now;
  }
}

int Supervisor::wait_ms(Clock::time_point now) const {
  int64_t wait = kTickMs;
  if (notify_.watchdog().count() > 0)
    wait = std::min<int64_t>(wait, notify_.watchdog().count() / 3);
  if (current_.pid < 0 && !stopping_) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(start_at_ - now);
    wait = std::min<int64_t>(wait, left.count() + 1);
  }
  return static_cast<int>(std::max<int64_t>(wait, 0));
}

void Supervisor::send(const Engine& engine, int signal) const {
  if (engine.pid > 0) ::kill(engine.pid, signal);
}

}  // namespace winnow
