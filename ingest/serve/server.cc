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
#include <mutex>
#include <unordered_set>

#include "ingest/http/reply.h"
#include "ingest/serve/log_line.h"
#include "ingest/serve/statistics.h"

namespace winnow {

namespace asio = boost::asio;
using Socket = asio::generic::stream_protocol::socket;
using Clock = std::chrono::steady_clock;
using boost::system::error_code;

namespace {
constexpr size_t kReadBytes = 64 * 1024;
}

class Connection;

struct Server::Impl {
  explicit Impl(const ServerOptions& o, ServerHooks h) : options(o), hooks(std::move(h)) {}

  Result<void> listen(const std::string& where, bool milter);
  Result<void> listen_unix(const std::string& where, bool milter);
  Result<void> listen_tcp(const std::string& where, bool milter);
  template <class Acceptor>
  void accept(Acceptor& acceptor, bool milter);
  void add(Socket socket, bool milter);
  void sweep();
  void wait_signal();
  void drain();
  void stop_when_drained();

  const ServerOptions options;
  const ServerHooks hooks;
  asio::io_context io{1};
  struct Tcp {
    asio::ip::tcp::acceptor acceptor;
    bool milter;
  };
  struct Unix {
    asio::local::stream_protocol::acceptor acceptor;
    bool milter;
    std::string path;
  };
  std::deque<Tcp> tcp;
  std::deque<Unix> local;
  asio::signal_set signals{io};
  asio::steady_timer timer{io};
  Clock::time_point drain_until;
  bool draining = false;
  std::unordered_set<Connection*> connections;
  std::unique_ptr<char[]> buffer = std::make_unique<char[]>(kReadBytes);
  Statistics statistics;
  Service* service = nullptr;
};

// One client. Lives as long as an operation or a scan holds it.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Server::Impl& server, Socket socket) : server_(server), socket_(std::move(socket)) {
    server_.connections.insert(this);
  }
  virtual ~Connection() { server_.connections.erase(this); }
  void start() { read(); }
  // True between messages: nothing is lost when it is closed now.
  bool idle() const { return !waiting_ && writing_.empty() && out_.empty() && held_bytes() == 0; }
  void close() {
    error_code ignored;
    socket_.close(ignored);
  }
  virtual int64_t idle_max_ms() const = 0;
  virtual bool between_messages() const { return true; }
  bool too_slow(Clock::time_point now) const {
    return !waiting_ && now - active_ > std::chrono::milliseconds(idle_max_ms());
  }

 protected:
  virtual SessionWant feed(std::string_view bytes) = 0;
  virtual SessionWant end_of_input() = 0;
  virtual SessionWant answered() = 0;
  virtual size_t held_bytes() const = 0;
  virtual void page() = 0;
  virtual Message take_message() = 0;
  virtual void render(const Scanned& scanned, std::string& out) = 0;
  virtual void render_overload(std::string& out) = 0;
  virtual bool logged() const { return true; }

  void read() {
    socket_.async_wait(Socket::wait_read, [self = shared_from_this()](const error_code& error) {
      if (!error) self->readable();
    });
  }

  void readable() {
    error_code error;
    socket_.non_blocking(true, error);
    const size_t n = socket_.read_some(asio::buffer(server_.buffer.get(), kReadBytes), error);
    if (error == asio::error::would_block) return read();
    if (error && error != asio::error::eof) return close();
    active_ = Clock::now();
    if (error) {
      ended_ = true;
      return go(end_of_input());
    }
    go(feed({server_.buffer.get(), n}));
  }

  // Does what the session wants, until bytes or a verdict must be waited for.
  void go(SessionWant want) {
    while (want == SessionWant::kPage) {
      page();
      want = answered();
    }
    if (want == SessionWant::kVerdict) {
      scan();
      if (!waiting_) return;  // there was no room: go() went on
    }
    closing_ = closing_ || want == SessionWant::kClose;
    write();
    if (want == SessionWant::kBytes && !ended_ && writing_.empty()) read();
  }

  void write() {
    if (!writing_.empty()) return;
    if (out_.empty()) {
      if (closing_ || (server_.draining && idle())) close();
      return;
    }
    writing_.swap(out_);
    asio::async_write(socket_, asio::buffer(writing_),
                      [self = shared_from_this()](const error_code& error, size_t) {
                        self->writing_.clear();
                        if (error) return self->close();
                        self->active_ = Clock::now();
                        const bool more = !self->out_.empty();
                        self->write();
                        if (!more && !self->waiting_ && !self->closing_ && !self->ended_)
                          self->read();
                      });
  }

  void scan() {
    Message message = take_message();
    message.now_ms = clock_ms();
    waiting_ = true;
    const bool admitted = server_.service->submit(
        message, [self = shared_from_this()](const Scanned& scanned) mutable {
          self->scanned(std::move(self), scanned);
        });
    if (admitted) return;
    waiting_ = false;
    server_.statistics.overloads.fetch_add(1, std::memory_order_relaxed);
    render_overload(out_);
    go(answered());
  }

  // On a worker's thread: the session is not touched by the loop while it awaits a verdict.
  void scanned(std::shared_ptr<Connection> self, const Scanned& scanned) {
    std::string reply;
    if (scanned.too_late) {
      render_overload(reply);
      server_.statistics.overloads.fetch_add(1, std::memory_order_relaxed);
    } else {
      render(scanned, reply);
      server_.statistics.add(scanned);
      if (logged()) {
        std::string line;
        append_log_line(scanned, line);
        server_.hooks.log(line);
      }
    }
    asio::post(server_.io, [self = std::move(self), reply = std::move(reply)]() mutable {
      self->waiting_ = false;
      self->active_ = Clock::now();
      self->out_ += reply;
      self->go(self->answered());
    });
  }

  Server::Impl& server_;
  Socket socket_;
  std::string out_, writing_;
  Clock::time_point active_ = Clock::now();
  bool waiting_ = false;  // for a verdict
  bool closing_ = false, ended_ = false;
};

class MilterConnection final : public Connection {
 public:
  MilterConnection(Server::Impl& server, Socket socket)
      : Connection(server, std::move(socket)), session_(server.options.milter_limits) {}
  int64_t idle_max_ms() const override { return server_.options.milter_idle_max_ms; }

 private:
  SessionWant feed(std::string_view bytes) override { return session_.feed(bytes, out_); }
  SessionWant end_of_input() override { return SessionWant::kClose; }
  SessionWant answered() override { return session_.answered(out_); }
  size_t held_bytes() const override { return session_.message_bytes(); }
  void page() override {}
  Message take_message() override { return session_.take_message(); }
  void render(const Scanned& scanned, std::string& out) override {
    render_milter(milter_reply(scanned.live.rules->model, scanned.one.verdict),
                  server_.options.milter_options, session_.seen(), out);
  }
  void render_overload(std::string& out) override { render_milter_tempfail(out); }
  MilterSession session_;
};

class HttpConnection final : public Connection {
 public:
  HttpConnection(Server::Impl& server, Socket socket)
      : Connection(server, std::move(socket)), session_(server.options.http_limits) {}
  int64_t idle_max_ms() const override { return server_.options.http_idle_max_ms; }

 private:
  SessionWant feed(std::string_view bytes) override { return session_.feed(bytes, out_); }
  SessionWant end_of_input() override { return session_.end_of_input(out_); }
  SessionWant answered() override { return session_.answered(out_); }
  size_t held_bytes() const override { return session_.held_bytes(); }
  Message take_message() override { return session_.take_message(); }
  bool logged() const override { return !session_.request().no_log; }
  void page() override {
    const HttpRequest& request = session_.request();
    if (request.command == HttpCommand::kSkip) return render_skip(request, out_);
    const std::shared_ptr<LiveRules> live = server_.service->live();
    std::string body;
    if (request.command == HttpCommand::kStat) {
      server_.statistics.append_stat(*live, server_.connections.size(), body);
      return render_page(request, "application/json", body, out_);
    }
    server_.statistics.append_metrics(*live, server_.connections.size(), body);
    render_page(request, "application/openmetrics-text; version=1.0.0; charset=utf-8", body, out_);
  }
  void render(const Scanned& scanned, std::string& out) override {
    render_reply(session_.request(), scanned, out);
  }
  void render_overload(std::string& out) override {
    render_error(session_.request(), 503, "too busy, try again", out);
  }
  HttpSession session_;
};

Result<void> Server::Impl::listen(const std::string& where, bool milter) {
  try {
    return where.starts_with('/') || where.starts_with("unix:") ? listen_unix(where, milter)
                                                                : listen_tcp(where, milter);
  } catch (const boost::system::system_error& error) {
    return fail(fmt::format("cannot listen at {}: {}", where, error.code().message()));
  }
}

Result<void> Server::Impl::listen_tcp(const std::string& where, bool milter) {
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
  hooks.log(fmt::format("{} listens at {}:{}", milter ? "milter" : "http",
                        bound.address().to_string(), bound.port()));
  tcp.push_back({std::move(acceptor), milter});
  return {};
}

// "/path mode=0660 owner=name group=name"
Result<void> Server::Impl::listen_unix(const std::string& where, bool milter) {
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
  hooks.log(fmt::format("{} listens at {}", milter ? "milter" : "http", path));
  local.push_back({std::move(acceptor), milter, path});
  return {};
}

template <class Acceptor>
void Server::Impl::accept(Acceptor& acceptor, bool milter) {
  acceptor.async_accept([this, &acceptor, milter](const error_code& error, auto socket) {
    if (error == asio::error::operation_aborted || draining) return;
    if (!error) add(Socket(std::move(socket)), milter);
    accept(acceptor, milter);
  });
}

void Server::Impl::add(Socket socket, bool milter) {
  if (connections.size() >= options.connections_max) return;  // closed at once
  statistics.connections.fetch_add(1, std::memory_order_relaxed);
  if (milter)
    std::make_shared<MilterConnection>(*this, std::move(socket))->start();
  else
    std::make_shared<HttpConnection>(*this, std::move(socket))->start();
}

// Each second: who says nothing for too long is closed.
void Server::Impl::sweep() {
  timer.expires_after(std::chrono::milliseconds(draining ? 20 : 1000));
  timer.async_wait([this](const error_code& error) {
    if (error) return;
    const Clock::time_point now = Clock::now();
    for (Connection* const one : connections)
      if (one->too_slow(now) || (draining && (one->idle() || now > drain_until))) one->close();
    if (draining && connections.empty()) return io.stop();
    sweep();
  });
}

void Server::Impl::drain() {
  if (draining) return;
  draining = true;
  drain_until = Clock::now() + std::chrono::milliseconds(options.drain_max_ms);
  error_code ignored;
  for (Tcp& one : tcp) one.acceptor.close(ignored);
  for (Unix& one : local) {
    one.acceptor.close(ignored);
    ::unlink(one.path.c_str());
  }
  hooks.log(fmt::format("draining {} connections", connections.size()));
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

Server::Server(const ServerOptions& options, ServerHooks hooks)
    : impl_(std::make_unique<Impl>(options, std::move(hooks))) {}
Server::~Server() = default;

Result<void> Server::bind() {
  for (const std::string& where : impl_->options.milter)
    if (Result<void> done = impl_->listen(where, true); !done) return done;
  for (const std::string& where : impl_->options.http)
    if (Result<void> done = impl_->listen(where, false); !done) return done;
  return {};
}

void Server::run(Service& service) {
  impl_->service = &service;
  for (Impl::Tcp& one : impl_->tcp) impl_->accept(one.acceptor, one.milter);
  for (Impl::Unix& one : impl_->local) impl_->accept(one.acceptor, one.milter);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) impl_->signals.add(signal);
  impl_->wait_signal();
  impl_->sweep();
  impl_->hooks.log("ready");
  impl_->io.run();
  service.finish();
}

}  // namespace winnow
