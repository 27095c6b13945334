// Tells systemd, or whoever listens at $NOTIFY_SOCKET, how the service is: sd_notify(3).
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace winnow {

class Notify {
 public:
  // Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID. They stay for those who come after us.
  Notify();
  ~Notify();
  Notify(const Notify&) = delete;
  Notify& operator=(const Notify&) = delete;

  // "READY=1\nSTATUS=…". Where nobody listens nothing happens: a service must not fail of it.
  void send(std::string_view text) const;
  // RELOADING=1 with the time that systemd wants beside it.
  void reloading() const;
  // How often WATCHDOG=1 must come; 0 where nobody asks for it.
  std::chrono::milliseconds watchdog() const { return watchdog_; }

 private:
  int fd_ = -1;
  std::string address_;  // of a socket: a path, or '\0' and an abstract name
  std::chrono::milliseconds watchdog_{0};
};

}  // namespace winnow
