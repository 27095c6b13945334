// Debian's redis-server, started for a test in a folder of its own: on a unix socket, keeping
// nothing. Gone with the test.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <vector>

#include "pipeline/lookup/store/redis_client.h"
#include "tests/unit/own_folder.h"

namespace winnow {

class RedisProcess {
 public:
  static bool installed() { return ::access("/usr/bin/redis-server", X_OK) == 0; }

  explicit RedisProcess(std::vector<std::string> more = {}) : more_(std::move(more)) { start(); }
  ~RedisProcess() { kill(); }
  RedisProcess(const RedisProcess&) = delete;
  RedisProcess& operator=(const RedisProcess&) = delete;

  std::string socket() const { return folder_.path() + "/s"; }
  const std::string& folder() const { return folder_.path(); }

  // Waits until it answers. False: it ended instead, as where a port is taken.
  bool start() {
    std::vector<std::string> words{"redis-server",
                                   "--port",
                                   "0",
                                   "--unixsocket",
                                   socket(),
                                   "--save",
                                   "",
                                   "--appendonly",
                                   "no",
                                   "--dir",
                                   folder_.path(),
                                   "--daemonize",
                                   "no",
                                   "--logfile",
                                   folder_.path() + "/log"};
    words.insert(words.end(), more_.begin(), more_.end());
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::execv("/usr/bin/redis-server", arguments.data());
      ::_exit(127);
    }
    while (!answers()) {
      if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
        pid_ = -1;
        return false;
      }
      ::usleep(2'000);
    }
    return true;
  }
  bool runs() const { return pid_ > 0; }
  // As a death of the machine: nothing is said to anybody.
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  void stop(bool on) const { ::kill(pid_, on ? SIGSTOP : SIGCONT); }

  RedisOptions options() const {
    RedisOptions out;
    out.read.list = out.write.list = {{.host = socket()}};
    return out;
  }

 private:
  bool answers() const {
    return RedisConnection::open({.host = socket()}, {}, nullptr,
                                 RedisClock::now() + std::chrono::seconds(10))
        .has_value();
  }
  const std::vector<std::string> more_;
  OwnFolder folder_;
  pid_t pid_ = -1;
};

// A server that answers each connection with fixed bytes, or not at all.
class FixedServer {
 public:
  explicit FixedServer(std::string answer) : answer_(std::move(answer)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path().c_str(), sizeof address.sun_path - 1);
    fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::listen(fd_, 64);
    pid_ = ::fork();
    if (pid_ == 0) {
      for (;;) {
        const int one = ::accept(fd_, nullptr, nullptr);
        char bytes[4096];
        if (one < 0 || ::read(one, bytes, sizeof bytes) <= 0) continue;
        if (!answer_.empty() && ::write(one, answer_.data(), answer_.size()) < 0) ::_exit(1);
      }
    }
    ::close(fd_);
  }
  ~FixedServer() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  FixedServer(const FixedServer&) = delete;
  FixedServer& operator=(const FixedServer&) = delete;
  std::string path() const { return folder_.path() + "/s"; }
  RedisOptions options() const {
    RedisOptions out;
    out.read.list = out.write.list = {{.host = path()}};
    out.timeout_ms = 200;
    return out;
  }

 private:
  const std::string answer_;
  OwnFolder folder_;
  int fd_ = -1;
  pid_t pid_ = -1;
};

}  // namespace winnow
