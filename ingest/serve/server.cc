#include "ingest/serve/server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/socket.h>

#include <boost/asio.hpp>
#include <chrono>
#include <deque>
#include <utility>

#include "ingest/serve/connection.h"

namespace winnow {

namespace asio = boost::asio;
using Clock = Connection::Clock;
using boost::system::error_code;

struct Server::Impl {
  Impl(const ServerOptions& o, ServerHooks h, Log& log) : hooks(std::move(h)), shared(o, log) {}

  void listen(const Listening& one);
  template <class Acceptor>
  void accept(Acceptor& acceptor, Front front, bool tls);
  template <class Acceptor>
  void accept_later(Acceptor& acceptor, Front front, bool tls, const error_code& error);
  void sweep();
  void wait_signal();
  void wait_link();
  void tell(std::string_view word) const;
  void drain();

  const ServerHooks hooks;
  ConnectionShared shared;
  asio::io_context& io = shared.io;
  struct Tcp {
    asio::ip::tcp::acceptor acceptor;
    Front front;
  };
  struct Unix {
    asio::local::stream_protocol::acceptor acceptor;
    Front front;
  };
  std::deque<Tcp> tcp;
  std::deque<Unix> local;
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
  if (one.name.starts_with('/')) {
    local.push_back({asio::local::stream_protocol::acceptor(io, {}, fd), one.front});
    accept(local.back().acceptor, one.front, one.tls);
  } else {
    const auto protocol = one.name.starts_with('[') ? asio::ip::tcp::v6() : asio::ip::tcp::v4();
    tcp.push_back({asio::ip::tcp::acceptor(io, protocol, fd), one.front});
    accept(tcp.back().acceptor, one.front, one.tls);
  }
}

template <class Acceptor>
void Server::Impl::accept(Acceptor& acceptor, Front front, bool tls) {
  acceptor.async_accept([this, &acceptor, front, tls](const error_code& error, auto socket) {
    if (error == asio::error::operation_aborted) return;
    if (error) return accept_later(acceptor, front, tls, error);
    short_of_files = false;
    // One that came in just before draining is served like others.
    start_connection(shared, Connection::Socket(std::move(socket)), front, tls);
    if (!shared.draining) accept(acceptor, front, tls);
  });
}

// No file is left for another socket: who connects waits in the queue, and asking at once again
// would only burn the CPU.
template <class Acceptor>
void Server::Impl::accept_later(Acceptor& acceptor, Front front, bool tls,
                                const error_code& error) {
  if (!std::exchange(short_of_files, true))
    shared.log.event(LogLevel::kError, "main",
                     fmt::format("cannot accept a connection: {}", error.message()));
  const auto pause = std::make_shared<asio::steady_timer>(io, std::chrono::milliseconds(100));
  pause->async_wait([this, &acceptor, front, tls, pause](const error_code& over) {
    if (!over && !shared.draining) accept(acceptor, front, tls);
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
  for (Tcp& one : tcp) one.acceptor.close(ignored);
  for (Unix& one : local) one.acceptor.close(ignored);
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
