#include "ingest/supervise/notify.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace winnow {

namespace {

int64_t number(const char* name) {
  const char* const text = std::getenv(name);
  int64_t value = 0;
  if (!text || std::from_chars(text, text + std::strlen(text), value).ec != std::errc()) return 0;
  return value;
}

}  // namespace

Notify::Notify() {
  const char* const where = std::getenv("NOTIFY_SOCKET");
  if (!where || (*where != '/' && *where != '@')) return;
  if (std::strlen(where) >= sizeof(sockaddr_un::sun_path)) return;
  address_ = where;
  if (address_[0] == '@') address_[0] = '\0';
  fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const timeval most{5, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
  const int64_t pid = number("WATCHDOG_PID");
  if (pid == 0 || pid == ::getpid())
    watchdog_ = std::chrono::milliseconds(number("WATCHDOG_USEC") / 1000);
}

Notify::~Notify() {
  if (fd_ >= 0) ::close(fd_);
}

void Notify::send(std::string_view text) const {
  if (fd_ < 0) return;
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path, address_.data(), address_.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
  // Few datagrams fit into the socket: a heartbeat may be lost there, other news may not.
  const int wait = text == "WATCHDOG=1" ? MSG_DONTWAIT : 0;
  if (::sendto(fd_, text.data(), text.size(), wait | MSG_NOSIGNAL,
               reinterpret_cast<const sockaddr*>(&to), size) < 0)
    return;
}

void Notify::reloading() const {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}\nSTATUS=Loading rules",
                   int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000));
}

}  // namespace winnow
