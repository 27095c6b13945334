#include "ingest/serve/connection.h"

#include <fmt/format.h>

#include "ingest/http/reply.h"
#include "ingest/serve/log_line.h"

namespace winnow {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

// Tells a message's lines from others', the same for the same message.
std::string log_tag(const Scanned& scanned) {
  std::string tag;
  for (size_t i = 0; i < 3; ++i)
    fmt::format_to(std::back_inserter(tag), "{:02x}", scanned.one.evidence.facts.digest[i]);
  return tag;
}

}  // namespace

Connection::Connection(ConnectionShared& shared, Socket socket)
    : shared_(shared), socket_(std::move(socket)) {
  shared_.connections.insert(this);
}

Connection::~Connection() { shared_.connections.erase(this); }

void Connection::close() {
  error_code ignored;
  socket_.close(ignored);
}

bool Connection::too_slow(Clock::time_point now) const {
  return !waiting_ && now - active_ > std::chrono::milliseconds(idle_max_ms());
}

void Connection::read() {
  socket_.async_wait(Socket::wait_read, [self = shared_from_this()](const error_code& error) {
    if (!error) self->readable();
  });
}

void Connection::readable() {
  error_code error;
  socket_.non_blocking(true, error);
  const size_t n =
      socket_.read_some(asio::buffer(shared_.buffer.get(), ConnectionShared::kReadBytes), error);
  if (error == asio::error::would_block) return read();
  if (error && error != asio::error::eof) return close();
  active_ = Clock::now();
  if (error) {
    ended_ = true;
    return go(end_of_input());
  }
  go(feed({shared_.buffer.get(), n}));
}

// Does what the session wants, until bytes or a verdict must be waited for.
void Connection::go(SessionWant want) {
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

void Connection::write() {
  if (!writing_.empty()) return;
  if (out_.empty()) {
    if (closing_ || (shared_.draining && idle())) close();
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

void Connection::scan() {
  Message message = take_message();
  message.now_ms = clock_ms();
  waiting_ = true;
  const bool admitted =
      shared_.service->submit(message, [self = shared_from_this()](const Scanned& scanned) mutable {
        self->scanned(std::move(self), scanned);
      });
  if (admitted) return;
  waiting_ = false;
  shared_.statistics.overloads.fetch_add(1, std::memory_order_relaxed);
  render_overload(out_);
  go(answered());
}

// On a worker's thread: the session is not touched by the loop while it awaits a verdict.
void Connection::scanned(std::shared_ptr<Connection> self, const Scanned& scanned) {
  std::string reply;
  if (scanned.too_late) {
    render_overload(reply);
    shared_.statistics.overloads.fetch_add(1, std::memory_order_relaxed);
  } else {
    render(scanned, reply);
    shared_.statistics.add(scanned);
    if (logged()) {
      std::string line = "rspamd_task_write_log: ";
      shared_.settings()->log_format.append(scanned, line);
      shared_.log.message(log_tag(scanned), line);
    }
  }
  asio::post(shared_.io, [self = std::move(self), reply = std::move(reply)]() mutable {
    self->waiting_ = false;
    self->active_ = Clock::now();
    self->out_ += reply;
    self->go(self->answered());
  });
}

namespace {

class MilterConnection final : public Connection {
 public:
  MilterConnection(ConnectionShared& shared, Socket socket)
      : Connection(shared, std::move(socket)), session_(shared.options.milter_limits) {}
  int64_t idle_max_ms() const override { return shared_.options.milter_idle_max_ms; }

 private:
  SessionWant feed(std::string_view bytes) override { return session_.feed(bytes, out_); }
  SessionWant end_of_input() override { return SessionWant::kClose; }
  SessionWant answered() override { return session_.answered(out_); }
  size_t held_bytes() const override { return session_.message_bytes(); }
  void page() override {}
  Message take_message() override {
    return session_.take_message(shared_.settings()->milter_options.client_ca_name);
  }
  void render(const Scanned& scanned, std::string& out) override {
    render_milter(milter_reply(scanned.live.rules->model, scanned.one.verdict),
                  shared_.settings()->milter_options, session_.seen(), session_.agreement(), out);
  }
  void render_overload(std::string& out) override { render_milter_tempfail(out); }
  MilterSession session_;
};

class HttpConnection final : public Connection {
 public:
  HttpConnection(ConnectionShared& shared, Socket socket)
      : Connection(shared, std::move(socket)), session_(shared.options.http_limits) {}
  int64_t idle_max_ms() const override { return shared_.options.http_idle_max_ms; }

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
    const std::shared_ptr<LiveRules> live = shared_.service->live();
    std::string body;
    if (request.command == HttpCommand::kStat) {
      shared_.statistics.append_stat(*live, shared_.connections.size(), body);
      return render_page(request, "application/json", body, out_);
    }
    shared_.statistics.append_metrics(*live, shared_.connections.size(), body);
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

}  // namespace

void start_connection(ConnectionShared& shared, Connection::Socket socket, Front front) {
  shared.statistics.connections.fetch_add(1, std::memory_order_relaxed);
  if (front == Front::kMilter)
    std::make_shared<MilterConnection>(shared, std::move(socket))->start();
  else
    std::make_shared<HttpConnection>(shared, std::move(socket))->start();
}

}  // namespace winnow
