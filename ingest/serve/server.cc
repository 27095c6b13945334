#include "ingest/serve/server.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio.hpp>
#include <charconv>
#include <chrono>
#include <cstring>
#include <deque>
#include <utility>

#include "ingest/serve/connection.h"

namespace winnow {

namespace asio = boost::asio;
using Clock = Connection::Clock;
using boost::system::error_code;

namespace {

std::string_view name_of(Front front) { return front == Front::kMilter ? "milter" : "http"; }

}  // namespace

struct Server::Impl {
  Impl(const ServerOptions& o, ServerHooks h, Log& log) : hooks(std::move(h)), shared(o, log) {}

  Result<void> listen(const std::string& where, Front front);
  Result<void> listen_unix(const std::string& where, Front front);
  Result<void> listen_tcp(const std::string& where, Front front);
  template <class Acceptor>
  void accept(Acceptor& acceptor, Front front);
  template <class Acceptor>
  void accept_later(Acceptor& acceptor, Front front, const error_code& error);
  void sweep();
  void wait_signal();
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
    std::string path;
  };
  std::deque<Tcp> tcp;
  std::deque<Unix> local;
  asio::signal_set signals{io};
  asio::steady_timer timer{io};
  Clock::time_point drain_until;
  bool short_of_files = false;  // said once, until a connection is accepted again
};

Result<void> Server::Impl::listen(const std::string& where, Front front) {
  try {
    return where.starts_with('/') || where.starts_with("unix:") ? listen_unix(where, front)
                                                                : listen_tcp(where, front);
  } catch (const boost::system::system_error& error) {
    return fail(fmt::format("cannot listen at {}: {}", where, error.code().message()));
  }
}

Result<void> Server::Impl::listen_tcp(const std::string& where, Front front) {
  const size_t colon = where.rfind(':');
  uint16_t port = 0;
  const char* const end = where.data() + where.size();
  if (colon == std::string::npos ||
      std::from_chars(where.data() + colon + 1, end, port).ptr != end || colon + 1 == where.size())
    return fail(
        fmt::format("\"{}\" is no address: write 127.0.0.1:11332, [::1]:11332, *:11332 or "
                    "/path mode=0660",
                    where));
  std::string host = where.substr(0, colon);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  if (host == "localhost") host = "127.0.0.1";
  error_code bad;
  const asio::ip::address address = host == "*" ? asio::ip::address(asio::ip::address_v4::any())
                                                : asio::ip::make_address(host, bad);
  if (bad) return fail(fmt::format("\"{}\" is no IP address", host));
  asio::ip::tcp::acceptor acceptor(io, {address, port}, true);
  acceptor.listen(1024);
  const auto bound = acceptor.local_endpoint();
  shared.log.event(LogLevel::kInfo, "main",
                   fmt::format("{} listens at {}:{}", name_of(front), bound.address().to_string(),
                               bound.port()));
  tcp.push_back({std::move(acceptor), front});
  return {};
}

// "/path mode=0660 owner=name group=name"
Result<void> Server::Impl::listen_unix(const std::string& where, Front front) {
  std::string path;
  mode_t mode = 0660;
  uid_t owner = static_cast<uid_t>(-1);
  gid_t group = static_cast<gid_t>(-1);
  for (size_t at = 0; at < where.size();) {
    const size_t end = std::min(where.find(' ', at), where.size());
    const std::string word = where.substr(at, end - at);
    at = end + 1;
    if (path.empty()) {
      path = word.starts_with("unix:") ? word.substr(5) : word;
    } else if (word.starts_with("mode=")) {
      unsigned value = 0;
      const char* const last = word.data() + word.size();
      if (std::from_chars(word.data() + 5, last, value, 8).ptr != last || value > 0777)
        return fail(fmt::format("\"{}\" is no file mode; write mode=0660", word));
      mode = static_cast<mode_t>(value);
    } else if (word.starts_with("owner=")) {
      const passwd* const found = getpwnam(word.c_str() + 6);
      if (!found) return fail(fmt::format("there is no user {}", word.substr(6)));
      owner = found->pw_uid;
    } else if (word.starts_with("group=")) {
      const ::group* const found = getgrnam(word.c_str() + 6);
      if (!found) return fail(fmt::format("there is no group {}", word.substr(6)));
      group = found->gr_gid;
    } else if (!word.empty()) {
      return fail(fmt::format("\"{}\" after a socket's path: mode=, owner= or group=", word));
    }
  }
  ::unlink(path.c_str());
  asio::local::stream_protocol::acceptor acceptor(io, path, false);
  if (::chmod(path.c_str(), mode) != 0 || ::chown(path.c_str(), owner, group) != 0)
    return fail(fmt::format("cannot set mode or owner of {}: {}", path, std::strerror(errno)));
  acceptor.listen(1024);
  shared.log.event(LogLevel::kInfo, "main", fmt::format("{} listens at {}", name_of(front), path));
  local.push_back({std::move(acceptor), front, path});
  return {};
}

template <class Acceptor>
void Server::Impl::accept(Acceptor& acceptor, Front front) {
  acceptor.async_accept([this, &acceptor, front](const error_code& error, auto socket) {
    if (error == asio::error::operation_aborted || shared.draining) return;
    if (error) return accept_later(acceptor, front, error);
    short_of_files = false;
    // Too many: closed at once.
    if (shared.connections.size() < shared.options.connections_max)
      start_connection(shared, Connection::Socket(std::move(socket)), front);
    accept(acceptor, front);
  });
}

// No file is left for another socket: who connects waits in the queue, and asking at once again
// would only burn the CPU.
template <class Acceptor>
void Server::Impl::accept_later(Acceptor& acceptor, Front front, const error_code& error) {
  if (!std::exchange(short_of_files, true))
    shared.log.event(LogLevel::kError, "main",
                     fmt::format("cannot accept a connection: {}", error.message()));
  const auto pause = std::make_shared<asio::steady_timer>(io, std::chrono::milliseconds(100));
  pause->async_wait([this, &acceptor, front, pause](const error_code& over) {
    if (!over && !shared.draining) accept(acceptor, front);
  });
}

// Each second: who says nothing for too long is closed.
void Server::Impl::sweep() {
  timer.expires_after(std::chrono::milliseconds(shared.draining ? 20 : 1000));
  timer.async_wait([this](const error_code& error) {
    if (error) return;
    const Clock::time_point now = Clock::now();
    for (Connection* const one : shared.connections)
      if (one->too_slow(now) || (shared.draining && (one->idle() || now > drain_until)))
        one->close();
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
  for (Unix& one : local) {
    one.acceptor.close(ignored);
    ::unlink(one.path.c_str());
  }
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

Result<void> Server::bind() {
  for (const std::string& where : impl_->shared.options.milter)
    if (Result<void> done = impl_->listen(where, Front::kMilter); !done) return done;
  for (const std::string& where : impl_->shared.options.http)
    if (Result<void> done = impl_->listen(where, Front::kHttp); !done) return done;
  return {};
}

void Server::use(std::shared_ptr<const ServeSettings> settings) {
  impl_->shared.use(std::move(settings));
}

void Server::run(Service& service) {
  impl_->shared.service = &service;
  for (Impl::Tcp& one : impl_->tcp) impl_->accept(one.acceptor, one.front);
  for (Impl::Unix& one : impl_->local) impl_->accept(one.acceptor, one.front);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) impl_->signals.add(signal);
  impl_->wait_signal();
  impl_->sweep();
  impl_->shared.log.event(LogLevel::kInfo, "main", "ready");
  impl_->io.run();
  service.finish();
}

}  // namespace winnow
