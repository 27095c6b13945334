#include "ingest/serve/server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>

#include <boost/asio.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <deque>
#include <utility>

#include "ingest/serve/connection.h"

namespace winnow {

namespace asio = boost::asio;
using Clock = Connection::Clock;
using boost::system::error_code;

struct Server::Impl {
  Impl(const ServerOptions& o, ServerHooks h, Log& log) : hooks(std::move(h)), shared(o, log) {}

  // One socket that listens.
  struct Door {
    asio::posix::stream_descriptor socket;
    Front front;
    bool tls;
  };
  void listen(const Listening& one);
  void await(Door& door);
  bool let_in(Door& door);
  void await_later(Door& door, int error);
  void sweep();
  void wait_signal();
  void wait_link();
  void tell(std::string_view word) const;
  void drain();

  const ServerHooks hooks;
  ConnectionShared shared;
  asio::io_context& io = shared.io;
  std::deque<Door> doors;
  asio::signal_set signals{io};
  asio::posix::stream_descriptor link{io};
  asio::steady_timer timer{io};
  Clock::time_point drain_until;
  bool short_of_files = false;  // said once, until a connection is accepted again
};

// A descriptor of its own: what the supervisor handed over stays open for others.
void Server::Impl::listen(const Listening& one) {
  const int fd = ::fcntl(one.fd, F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return;
  // Answers are whole writes: waiting for more to send would only delay them. What is accepted has
  // it from here; unix sockets do not know it.
  const int yes = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  doors.push_back({asio::posix::stream_descriptor(io, fd), one.front, one.tls});
  await(doors.back());
}

void Server::Impl::await(Door& door) {
  door.socket.async_wait(asio::posix::stream_descriptor::wait_read,
                         [this, &door](const error_code& error) {
                           if (error) return;
                           // One that came in just before draining is served like others.
                           if (let_in(door) && !shared.draining) await(door);
                         });
}

// Those who wait at the door, as many as are let in before others are heard. False where the door
// stays shut for a while.
bool Server::Impl::let_in(Door& door) {
  constexpr int kAtOnce = 64;
  for (int i = 0; i < kAtOnce; ++i) {
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    const int fd = ::accept4(door.socket.native_handle(), reinterpret_cast<sockaddr*>(&from), &size,
                             SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      short_of_files = false;
      start_connection(shared, fd, from, door.front, door.tls);
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return true;
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      await_later(door, errno);
      return false;
    }
    // What was wrong with one that is gone by now: accept(2), "Error handling".
  }
  return true;
}

// No file is left for another socket: who connects waits in the queue, and asking at once again
// would only burn the CPU.
void Server::Impl::await_later(Door& door, int error) {
  if (!std::exchange(short_of_files, true))
    shared.log.event(LogLevel::kError, "main",
                     fmt::format("cannot accept a connection: {}", std::strerror(error)));
  const auto pause = std::make_shared<asio::steady_timer>(io, std::chrono::milliseconds(100));
  pause->async_wait([this, &door, pause](const error_code& over) {
    if (!over && !shared.draining) await(door);
  });
}

// Each second: who says nothing for too long is closed.
void Server::Impl::sweep() {
  timer.expires_after(std::chrono::milliseconds(shared.draining ? 20 : 1000));
  timer.async_wait([this](const error_code& error) {
    if (error) return;
    const Clock::time_point now = Clock::now();
    tell("alive");
    if (shared.draining && now > drain_until) shared.proxy().stop();
    for (Connection* const one : shared.connections) {
      one->check_time(now);
      if (shared.draining && (one->idle() || now > drain_until)) one->close();
    }
    shared.read_on();
    if (shared.draining && shared.connections.empty()) return io.stop();
    sweep();
  });
}

void Server::Impl::drain() {
  if (shared.draining) return;
  shared.draining = true;
  drain_until = Clock::now() + std::chrono::milliseconds(shared.options.drain_max_ms);
  error_code ignored;
  for (Door& one : doors) one.socket.close(ignored);
  shared.log.event(LogLevel::kInfo, "main",
                   fmt::format("draining {} connections", shared.connections.size()));
  sweep();
}

void Server::Impl::wait_signal() {
  signals.async_wait([this](const error_code& error, int signal) {
    if (error) return;
    if (signal == SIGTERM || signal == SIGINT) drain();
    if (signal == SIGHUP) hooks.reload();
    if (signal == SIGUSR1) hooks.reopen_logs();
    wait_signal();
  });
}

Server::Server(const ServerOptions& options, ServerHooks hooks, Log& log)
    : impl_(std::make_unique<Impl>(options, std::move(hooks), log)) {}
Server::~Server() = default;

void Server::Impl::tell(std::string_view word) const {
  // A supervisor that does not read is told nothing; that is seen as silence.
  if (link.is_open() &&
      ::send(shared.options.link, word.data(), word.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
    return;
}

void Server::use(std::shared_ptr<const ServeSettings> settings) {
  impl_->shared.use(std::move(settings));
}

// Without a supervisor nobody would start the next engine: this one ends.
void Server::Impl::wait_link() {
  if (!link.is_open()) return;
  link.async_wait(asio::posix::stream_descriptor::wait_read, [this](const error_code& error) {
    if (error) return;
    char byte;
    if (::recv(link.native_handle(), &byte, 1, MSG_DONTWAIT) == 0) return drain();
    wait_link();
  });
}

void Server::learn_with(LearnQueue* learner) { impl_->shared.learner = learner; }

void Server::carry_out_with(Effects* effects) { impl_->shared.effects = effects; }

void Server::tell(std::string_view word) const { impl_->tell(word); }

void Server::run(Service& service) {
  impl_->shared.service = &service;
  service.on_share([this] { impl_->shared.hand_out(); });
  service.admission().on_room(
      [this] { asio::post(impl_->io, [this] { impl_->shared.read_on(); }); });
  if (const int link = impl_->shared.options.link; link >= 0) impl_->link.assign(link);
  for (const Listening& one : impl_->shared.options.sockets) impl_->listen(one);
  sigset_t handled;
  sigemptyset(&handled);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) {
    impl_->signals.add(signal);
    sigaddset(&handled, signal);
  }
  // They were blocked since the supervisor started us, so that none was lost.
  pthread_sigmask(SIG_UNBLOCK, &handled, nullptr);
  impl_->wait_signal();
  impl_->wait_link();
  impl_->sweep();
  impl_->shared.log.event(LogLevel::kInfo, "main", "ready");
  impl_->tell("ready");
  impl_->io.run();
  service.finish();
}

}  // namespace winnow
