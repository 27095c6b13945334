#include "ingest/serve/connection.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <optional>

#include "engine/crypt/hex_text.h"
#include "engine/mime/ip.h"
#include "ingest/controller/learn_request.h"
#include "ingest/controller/pages.h"
#include "ingest/http/reply.h"
#include "ingest/serve/debug_lines.h"
#include "ingest/serve/log_line.h"
#include "pipeline/learn/autolearn.h"
#include "pipeline/learn/examine.h"
#include "rules/checks/learned/bayes.h"

namespace winnow {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

// Tells a message's lines from others', the same for the same message.
std::string log_tag(const Scanned& scanned) {
  std::string tag;
  append_hex(std::span(scanned.one.evidence.facts.digest).first(3), tag);
  return tag;
}

std::string log_safe(std::string_view text) {
  std::string out;
  append_log_text(text.substr(0, 256), out);
  return out;
}

Peer peer_of(const sockaddr_storage& from) {
  constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  Peer peer;
  IpAddress& ip = peer.ip;
  if (from.ss_family == AF_INET) {
    std::memcpy(ip.bytes, kMapped, sizeof kMapped);
    std::memcpy(ip.bytes + 12, &reinterpret_cast<const sockaddr_in&>(from).sin_addr, 4);
    ip.family = 4;
  } else if (from.ss_family == AF_INET6) {
    std::memcpy(ip.bytes, &reinterpret_cast<const sockaddr_in6&>(from).sin6_addr, 16);
    ip.family = std::memcmp(ip.bytes, kMapped, sizeof kMapped) == 0 ? 4 : 6;
  } else {
    peer.unix_socket = true;
  }
  return peer;
}

// Of answers: RFC 9110 5.6.7. On the loop's thread.
std::string http_date() {
  static thread_local time_t said = 0;
  static thread_local std::string text;
  if (const time_t now = ::time(nullptr); now != said) {
    said = now;
    tm parts{};
    ::gmtime_r(&now, &parts);
    constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    text = fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", kDays[parts.tm_wday], parts.tm_mday,
                       kMonths[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour, parts.tm_min,
                       parts.tm_sec);
  }
  return text;
}

// The address as bytes; empty where there is none.
std::string source_of(const Peer& peer) {
  const size_t size = peer.ip.family == 6 ? 16 : peer.ip.family;
  return {reinterpret_cast<const char*>(peer.ip.bytes), size};
}

}  // namespace

Connection::Connection(ConnectionShared& shared, Socket socket, const Peer& peer)
    : shared_(shared), socket_(std::move(socket)), peer_(peer), source_(source_of(peer)) {
  shared_.connections.insert(this);
  if (!source_.empty()) ++shared_.sources[source_];
}

Connection::~Connection() {
  shared_.connections.erase(this);
  if (!source_.empty() && --shared_.sources[source_] == 0) shared_.sources.erase(source_);
  shared_.service->admission().release(hold_);
}

void ConnectionShared::read_on() {
  while (!held_back.empty()) {
    const std::shared_ptr<Connection> one = held_back.front();
    if (one->held_back_ && one->socket_.is_open() && !service->admission().may_read(one->hold_))
      return;
    held_back.pop_front();
    if (!one->held_back_) continue;
    // The time that it was held back is not the client's.
    const auto waited = Connection::Clock::now() - one->held_back_since_;
    one->active_ += waited;
    one->content_since_ += waited;
    one->held_back_ = false;
    if (one->socket_.is_open()) one->take_bytes();
  }
}

void Connection::start(const TlsKeys* keys) {
  if (keys) tls_ = std::make_unique<TlsStream>(*keys, socket_.native_handle());
  readable();  // who connects mostly has something to say already
}

void Connection::close() {
  if (tls_ && socket_.is_open() && writing_.empty()) tls_->end();
  error_code ignored;
  socket_.close(ignored);
}

void Connection::check_time(Clock::time_point now) {
  if (lingering_ && now - *lingering_ > kLastWords) return close();
  if (held_back_) {
    const int64_t limit = held_bytes() > 0 ? shared_.options.content_wait_max_ms
                                           : shared_.options.command_wait_max_ms;
    if (now - held_back_since_ <= std::chrono::milliseconds(limit)) return;
    shared_.service->note_late();
    shared_.statistics.overloads.fetch_add(1, std::memory_order_relaxed);
    held_back_ = false;  // read_on() passes it
    render_sent_away(out_);
    closing_ = true;
    return write();
  }
  if (too_slow(now)) close();
}

bool Connection::too_slow(Clock::time_point now) const {
  if (waiting_) return false;
  const ServerOptions& options = shared_.options;
  // One byte may be no more than a sender's address: mail servers take their time after it.
  const bool content = held_bytes() > 1;
  const int64_t idle = content || !writing_.empty() ? options.io_timeout_ms : idle_max_ms();
  if (now - active_ > std::chrono::milliseconds(idle)) return true;
  if (!content) return false;
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(now - content_since_);
  return took.count() > options.io_timeout_ms &&
         static_cast<int64_t>(held_bytes()) < took.count() * options.slow_bytes_per_s / 1000;
}

void Connection::read() {
  // What was read of the socket already wakes nobody.
  if (tls_ && tls_->pending())
    return asio::post(shared_.io, [self = shared_from_this()] {
      if (self->socket_.is_open()) self->readable();
    });
  socket_.async_wait(Socket::wait_read, [self = shared_from_this()](const error_code& error) {
    if (!error) self->readable();
  });
}

void Connection::readable() {
  if (hold_.overdraft ||
      (shared_.held_back.empty() && shared_.service->admission().may_read(hold_)))
    return take_bytes();
  held_back_ = true;
  held_back_since_ = Clock::now();
  shared_.held_back.push_back(shared_from_this());
}

// What the connection holds of the next message is known to the budget.
void Connection::account() { shared_.service->admission().set(hold_, held_bytes(), false); }

TlsStream::Io Connection::receive(std::span<char> to, size_t& n) {
  using Io = TlsStream::Io;
  if (tls_) return tls_->read(to, n);
  const ssize_t got = ::recv(socket_.native_handle(), to.data(), to.size(), 0);
  n = got > 0 ? static_cast<size_t>(got) : 0;
  if (got > 0) return Io::kDone;
  if (got == 0) return Io::kEnd;
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? Io::kRead : Io::kBroken;
}

void Connection::take_bytes() {
  using Io = TlsStream::Io;
  size_t n = 0;
  const Io what = receive({shared_.buffer.get(), ConnectionShared::kReadBytes}, n);
  if (what == Io::kRead) return read();
  if (what == Io::kWrite)  // of a handshake
    return socket_.async_wait(Socket::wait_write,
                              [self = shared_from_this()](const error_code& error) {
                                if (!error) self->take_bytes();
                              });
  if (what == Io::kBroken) return close();
  active_ = Clock::now();
  if (what == Io::kEnd) {
    ended_ = true;
    return go(end_of_input());
  }
  const bool fresh = held_bytes() <= 1;
  const SessionWant want = feed({shared_.buffer.get(), n});
  if (fresh) content_since_ = active_;
  account();
  go(want);
}

// Does what the session wants, until bytes or a verdict must be waited for.
void Connection::go(SessionWant want) {
  while (want == SessionWant::kPage) {
    const Page what = page();
    if (what == Page::kLater) {
      waiting_ = true;
      return write();
    }
    want = what == Page::kScan ? SessionWant::kVerdict : answered();
  }
  if (want == SessionWant::kVerdict) {
    scan();
    if (!waiting_) return;  // there was no room: go() went on
  }
  closing_ = closing_ || want == SessionWant::kClose;
  write();
  if (want == SessionWant::kBytes && !ended_ && writing_.empty() && socket_.is_open()) read();
}

void Connection::resume() {
  waiting_ = false;
  active_ = Clock::now();
  go(SessionWant::kPage);
}

void Connection::write() {
  if (!writing_.empty()) return;
  if (out_.empty()) {
    if (shared_.draining && idle()) return close();
    if (closing_) last_words();
    return;
  }
  writing_.swap(out_);
  answered_ = true;
  written_ = 0;
  if (tls_) return write_tls();
  // Mostly the socket takes it all at once, and nothing has to be waited for.
  const ssize_t sent =
      ::send(socket_.native_handle(), writing_.data(), writing_.size(), MSG_NOSIGNAL);
  written_ = sent > 0 ? static_cast<size_t>(sent) : 0;
  if (written_ == writing_.size()) {
    writing_.clear();
    active_ = Clock::now();
    return write();  // nothing is left: what is to be done then
  }
  asio::async_write(socket_, asio::buffer(writing_) + written_,
                    [self = shared_from_this()](const error_code& error, size_t) {
                      if (error) {
                        self->writing_.clear();
                        return self->close();
                      }
                      self->wrote();
                    });
}

// A socket that is closed while bytes of the client are unread, or still come, is reset, and the
// client may never see what it was told: they are read and dropped until it has ended its side.
void Connection::last_words() {
  if (lingering_) return;
  if (ended_ || !answered_ || tls_ || !socket_.is_open()) return close();
  error_code error;
  socket_.shutdown(Socket::shutdown_send, error);
  if (error) return close();
  lingering_ = Clock::now();
  drop_bytes();
}

void Connection::drop_bytes() {
  size_t n = 0;
  const TlsStream::Io what = receive({shared_.buffer.get(), ConnectionShared::kReadBytes}, n);
  if (what == TlsStream::Io::kEnd || what == TlsStream::Io::kBroken) return close();
  socket_.async_wait(Socket::wait_read, [self = shared_from_this()](const error_code& bad) {
    if (!bad && self->socket_.is_open()) self->drop_bytes();
  });
}

void Connection::write_tls() {
  using Io = TlsStream::Io;
  while (written_ < writing_.size()) {
    size_t n = 0;
    const Io what = tls_->write(std::string_view(writing_).substr(written_), n);
    if (what == Io::kRead || what == Io::kWrite)
      return socket_.async_wait(what == Io::kRead ? Socket::wait_read : Socket::wait_write,
                                [self = shared_from_this()](const error_code& error) {
                                  if (!error) self->write_tls();
                                });
    if (what != Io::kDone) {
      error_code ignored;
      socket_.close(ignored);
      return;
    }
    written_ += n;
  }
  // Later, as it is without TLS: who calls write() goes on first.
  asio::post(shared_.io, [self = shared_from_this()] { self->wrote(); });
}

void Connection::wrote() {
  writing_.clear();
  active_ = Clock::now();
  const bool more = !out_.empty();
  write();
  if (!more && !waiting_ && !closing_ && !ended_ && socket_.is_open()) read();
}

void Connection::scan() {
  Message message = take_message();
  message.now_ms = clock_ms();
  waiting_ = true;
  if (proxied()) {
    Remote& proxy = shared_.proxy();
    proxy.mirror(message);
    if (proxy.settings().upstream) return scan_elsewhere(proxy, std::move(message));
  }
  const Service::Taken taken = shared_.service->submit_here(
      message, hold_, [self = shared_from_this()](const Scanned& scanned) mutable {
        Connection& connection = *self;
        connection.scanned(std::move(self), scanned);
      });
  account();
  if (taken == Service::Taken::kHere) shared_.scan_soon(0);
  if (taken != Service::Taken::kRefused) return;
  waiting_ = false;
  shared_.statistics.overloads.fetch_add(1, std::memory_order_relaxed);
  render_overload(out_);
  go(answered());
}

// Meanwhile its bytes count with the budget as those of one that is scanned here.
void Connection::scan_elsewhere(Remote& proxy, Message&& message) {
  const auto kept = std::make_shared<const Message>(std::move(message));
  shared_.service->admission().set(hold_, kept->bytes.size(), true);
  const std::string name = proxy.settings().upstream->name;
  proxy.scan(kept, [self = shared_from_this(), kept, name](std::optional<RemoteReply> reply) {
    self->waiting_ = false;
    self->active_ = Clock::now();
    self->render_remote(reply ? &*reply : nullptr, self->out_);
    if (reply)
      self->shared_.log.message(
          "proxy", fmt::format("id: <{}>, qid: <{}>, upstream {}: {}", log_safe(reply->message_id),
                               log_safe(kept->queue_id), name, log_safe(reply->action)));
    const SessionWant want = self->answered();
    self->account();
    self->go(want);
  });
}

// On the thread that scanned: the session is not touched by the loop while it awaits a verdict.
void Connection::scanned(std::shared_ptr<Connection> self, const Scanned& scanned) {
  std::string reply;
  if (scanned.too_late) {
    render_overload(reply);
    shared_.statistics.overloads.fetch_add(1, std::memory_order_relaxed);
  } else if (takes_over(self, scanned)) {
    return;
  } else {
    render(scanned, reply);
    autolearn(scanned);
    if (shared_.effects) shared_.effects->carry_out(scanned.one.verdict, is_mail());
    if (counted()) shared_.statistics.add(scanned);
    if (logged()) {
      constexpr size_t kUsual = 2 * 1024;
      std::string line;
      line.reserve(kUsual);
      line += "rspamd_task_write_log: ";
      shared_.settings()->log_format.append(scanned, line);
      const std::string tag = log_tag(scanned);
      shared_.log.message_later(tag, line);
      debug_lines(scanned, shared_.settings()->debug_modules,
                  [&](std::string_view module, std::string_view text) {
                    shared_.log.debug_later(tag, module, text);
                  });
    }
  }
  shared_.keep(std::move(self), std::move(reply));
}

// What is clear without the classifier is learnt beside the answer, which does not wait for it.
void Connection::autolearn(const Scanned& scanned) {
  if (!shared_.learner) return;
  const RuleSet& rules = *scanned.live.rules;
  const std::optional<LearnLabel> label = autolearn_as(rules, scanned.one);
  LearnRecord record;
  if (!label || !learn_record(rules, scanned.one, record) || !too_few_tokens(rules, record).empty())
    return;
  record.label = *label;
  record.time_ms = scanned.one.evidence.envelope.now_ms;
  record.who = "autolearn";
  const bool taken = shared_.learner->learn(
      std::move(record),
      [&log = shared_.log, tag = log_tag(scanned), label = *label,
       logged = find_bayes(rules)->autolearn.logged](const Result<Learnt>& what) {
        if (what && !logged)
          return;
        else if (what)
          log.message(tag, fmt::format("autolearned as {}", label.name()));
        else
          log.event(LogLevel::kError, "learn", what.error().text());
      });
  if (!taken) shared_.log.event(LogLevel::kWarning, "learn", "too much is to be learnt at once");
}

LearntNow ConnectionShared::learnt() const {
  LearntNow out;
  if (!learner) return out;
  const std::shared_ptr<LiveRules> live = service->live();
  const BayesPlan* const plan = find_bayes(*live->rules);
  if (!plan) return out;
  out.since_start = learner->learnt();
  out.bytes = learner->statistics().used_bytes();
  const auto learns = learner->statistics().learns_of(plan->tokenizer, plan->class_names());
  for (size_t i = 0; i < plan->classes.size(); ++i)
    out.classes.push_back(
        {.symbol = live->rules->model.symbols[index(plan->classes[i].symbol)].name,
         .name = plan->classes[i].name,
         .messages = learns ? learns->learnt(i) : 0});
  return out;
}

void Connection::answer(std::shared_ptr<Connection> self, std::string reply) {
  ConnectionShared& shared = self->shared_;
  shared.keep(std::move(self), std::move(reply));
  shared.hand_out();
}

void Connection::take_answer(std::string&& reply) {
  waiting_ = false;
  active_ = Clock::now();
  if (out_.empty())
    out_ = std::move(reply);
  else
    out_ += reply;
  const SessionWant want = answered();
  account();
  go(want);
}

void ConnectionShared::keep(std::shared_ptr<Connection> to, std::string reply) {
  const std::lock_guard lock(kept_mutex_);
  kept_.emplace_back(std::move(to), std::move(reply));
}

void ConnectionShared::scan_soon(uint64_t waited) {
  asio::post(io, [this, waited] {
    const uint64_t waiting = service->waiting();
    if (waiting > waited && waited < kHereRows) return scan_soon(waiting);
    service->scan_here();
  });
}

void ConnectionShared::hand_out() {
  std::vector<std::pair<std::shared_ptr<Connection>, std::string>> answers;
  {
    const std::lock_guard lock(kept_mutex_);
    answers.swap(kept_);
  }
  log.flush();
  if (!answers.empty())
    asio::dispatch(io, [answers = std::move(answers)]() mutable {  // at once, where it scanned them
      for (auto& [to, reply] : answers) to->take_answer(std::move(reply));
    });
}

namespace {

class MilterConnection final : public Connection {
 public:
  MilterConnection(ConnectionShared& shared, Socket socket, const Peer& peer)
      : Connection(shared, std::move(socket), peer), session_(shared.options.milter_limits) {}
  int64_t idle_max_ms() const override { return shared_.options.milter_idle_max_ms; }

 private:
  SessionWant feed(std::string_view bytes) override {
    const SessionWant want = session_.feed(bytes, out_);
    if (session_.take_envelope_news() && want == SessionWant::kBytes &&
        !shared_.proxy().settings().upstream)
      shared_.service->ask_ahead(
          session_.envelope(shared_.settings()->milter_options.client_ca_name));
    return want;
  }
  SessionWant end_of_input() override { return SessionWant::kClose; }
  SessionWant answered() override { return session_.answered(out_); }
  size_t held_bytes() const override { return session_.message_bytes(); }
  Page page() override { return Page::kDone; }
  Message take_message() override {
    return session_.take_message(shared_.settings()->milter_options.client_ca_name);
  }
  void render(const Scanned& scanned, std::string& out) override {
    render_milter(milter_reply(scanned.live.rules->model, scanned.one.verdict),
                  shared_.settings()->milter_options, session_.seen(), session_.agreement(), out);
  }
  void render_overload(std::string& out) override { render_milter_tempfail(out); }
  bool proxied() const override { return true; }
  void render_remote(const RemoteReply* reply, std::string& out) override {
    if (!reply) return render_milter_tempfail(out);
    render_milter(reply->view(), shared_.settings()->milter_options, session_.seen(),
                  session_.agreement(), out);
  }
  // In the middle of a message nobody listens: a connection that ends is a tempfail.
  void render_sent_away(std::string&) override {}
  MilterSession session_;
};

class HttpConnection : public Connection {
 public:
  HttpConnection(ConnectionShared& shared, Socket socket, const Peer& peer,
                 const HttpLimits& limits)
      : Connection(shared, std::move(socket), peer), session_(limits) {}
  int64_t idle_max_ms() const override { return shared_.options.http_idle_max_ms; }

 protected:
  SessionWant feed(std::string_view bytes) override { return session_.feed(bytes, out_); }
  SessionWant end_of_input() override { return session_.end_of_input(out_); }
  SessionWant answered() override { return session_.answered(out_); }
  size_t held_bytes() const override { return session_.held_bytes(); }
  Message take_message() override {
    shared_.statistics.unknown_headers.fetch_add(session_.request().other_headers,
                                                 std::memory_order_relaxed);
    return session_.take_message();
  }
  bool logged() const override { return !session_.request().no_log; }
  bool counted() const override { return !session_.request().no_stat; }
  bool is_mail() const override { return !learn_; }
  // What a request to learn becomes. REQUIRED: the client may.
  Page learn_page() {
    const HttpRequest& request = session_.request();
    std::string wrong;
    learn_ = read_learn_request(request, wrong);
    if (learn_) learn_->headers = request.envelope.request_headers;
    if (learn_ && request.unscanned) wrong = "Empty body is not permitted";
    if (learn_ && wrong.empty()) wrong = unknown_class(*learn_);
    if (wrong.empty() && shared_.learner) return Page::kScan;
    learn_.reset();
    const int code = wrong.empty() ? 500 : 400;
    if (wrong.empty()) wrong = "nothing is learnt here: see winnow serve --statistics";
    return refuse_learning(code, wrong);
  }
  // Empty where the site has the class that something is to be learnt as.
  std::string unknown_class(const LearnRequest& learn) const {
    const std::shared_ptr<LiveRules> live = shared_.service->live();
    const BayesPlan* const plan = find_bayes(*live->rules);
    if (!plan || learn.kind == LearnKind::kForget || plan->find(learn.label.name())) return "";
    return fmt::format("there is no class {} here; there are {}", learn.label.name(),
                       plan->class_list());
  }
  // Who teaches often looks at an exit code alone: the log says why as well.
  Page refuse_learning(int code, std::string_view why) {
    shared_.log.event(LogLevel::kWarning, "learn",
                      fmt::format("a request to learn was refused: {}", why));
    render_not_learnt(session_.request(), code, why, out_);
    return Page::kDone;
  }
  bool takes_over(const std::shared_ptr<Connection>& self, const Scanned& scanned) override {
    if (!learn_) return false;
    const LearnRequest learn = *std::exchange(learn_, std::nullopt);
    const std::string id(scanned.one.evidence.message_id);
    std::string reply;
    LearnRecord record;
    if (!learn_record(*scanned.live.rules, scanned.one, record)) {
      render_not_learnt(session_.request(), 404, "the message has nothing to learn", reply);
      answer(self, std::move(reply));
      return true;
    }
    const std::string few =
        learn.kind == LearnKind::kForget ? "" : too_few_tokens(*scanned.live.rules, record);
    if (!few.empty()) {
      render_not_learnt(session_.request(), 204,
                        fmt::format("<{}> contains less tokens than required for bayes classifier: "
                                    "{}",
                                    log_safe(id), few),
                        reply);
      answer(self, std::move(reply));
      return true;
    }
    const LearnDenial denied =
        learn.kind == LearnKind::kForget
            ? LearnDenial{}
            : learn_denied(*scanned.live.rules, scanned.one, learn.label, learn.headers);
    const auto deny = [this, id, label = learn.label, tag = log_tag(scanned),
                       why = denied.why](std::string& out) {
      shared_.log.message(tag, fmt::format("does not learn <{}>: {}", log_safe(id), why));
      render_not_learnt(session_.request(), 204,
                        fmt::format("all learn conditions denied learning {} in default classifier",
                                    label.name()),
                        out);
    };
    const bool only_moves = !denied.why.empty() && denied.unless_moved;
    if (!denied.why.empty() && !only_moves) {
      deny(reply);
      answer(self, std::move(reply));
      return true;
    }
    record.kind = learn.kind;
    record.label = learn.label;
    record.time_ms = scanned.one.evidence.envelope.now_ms;
    record.who = session_.request().command == HttpCommand::kTell ? "spamc" : "controller";
    const bool taken = shared_.learner->learn(
        std::move(record),
        [this, self, learn, id, deny, only_moves,
         tag = log_tag(scanned)](const Result<Learnt>& what) {
          std::string out;
          if (only_moves && what && *what != Learnt::kMoved) {
            deny(out);
            return answer(self, std::move(out));
          }
          render_learnt(session_.request(), learn, id, what, out);
          if (what)
            shared_.log.message(
                tag, fmt::format("{} <{}> as {}", kLearntWords[static_cast<size_t>(*what)],
                                 log_safe(id), learn.label.name()));
          else
            shared_.log.event(LogLevel::kError, "learn", what.error().text());
          answer(self, std::move(out));
        },
        only_moves ? LearnQueue::Which::kMoves : LearnQueue::Which::kAll);
    if (taken) return true;
    render_not_learnt(session_.request(), 503, "too much is to be learnt at once, try again",
                      reply);
    answer(self, std::move(reply));
    return true;
  }
  Page page() override {
    const HttpRequest& request = session_.request();
    std::string body;
    if (request.command == HttpCommand::kTell) {
      // This port asks for no password: only who needs none may teach.
      AccessRequest asks;
      asks.peer = peer().ip;
      asks.unix_socket = peer().unix_socket;
      if (is_trusted_peer(shared_.settings()->access, asks)) return learn_page();
      return refuse_learning(75, "TELL is for secure_ip and unix sockets");
    }
    if (request.unscanned) {
      render_unscanned(request, *shared_.service->live(), out_);
    } else if (request.command == HttpCommand::kSkip) {
      render_skip(request, out_);
    } else if (request.command == HttpCommand::kStat) {
      shared_.statistics.append_stat(*shared_.service->live(), shared_.connections.size(), true,
                                     shared_.learnt(), body);
      render_response(request, {}, body, out_);
    } else {
      shared_.statistics.append_metrics(*shared_.service, shared_.connections.size(),
                                        shared_.learnt(), body);
      render_response(request,
                      {.type = "application/openmetrics-text; version=1.0.0; charset=utf-8"}, body,
                      out_);
    }
    return Page::kDone;
  }
  void render(const Scanned& scanned, std::string& out) override {
    render_reply(session_.request(), scanned, out);
  }
  void render_overload(std::string& out) override {
    render_error(session_.request(), 503, "too busy, try again", out);
  }
  void render_sent_away(std::string& out) override { render_overload(out); }
  HttpSession session_;

 private:
  static constexpr std::array<std::string_view, 8> kLearntWords{
      "learned",
      "relearned",
      "knew",
      "forgot",
      "never knew",
      "will learn once Redis is back",
      "keeps as a canary",
      "could not learn, and keeps aside,"};
  std::optional<LearnRequest> learn_;
};

// Each request says who asks: a proxy in front may ask for one after the other.
class ControllerConnection final : public HttpConnection {
 public:
  ControllerConnection(ConnectionShared& shared, Socket socket, const Peer& peer,
                       const HttpLimits& limits)
      : HttpConnection(shared, std::move(socket), peer, limits) {
    shared.statistics.control_connections.fetch_add(1, std::memory_order_relaxed);
  }

 private:
  bool is_mail() const override { return false; }
  Page page() override {
    const HttpRequest& request = session_.request();
    if (!is_open_page(request.command)) {
      if (!access_ && !decide()) return Page::kLater;
      const Access access = *std::exchange(access_, std::nullopt);
      if (access < access_needed(request.command)) {
        shared_.statistics.refused_passwords.fetch_add(1, std::memory_order_relaxed);
        render_refusal(request, access, out_);
        return Page::kDone;
      }
      if (is_learn_command(request.command)) return learn_page();
      if (request.unscanned) return HttpConnection::page();
      if (request.command == HttpCommand::kCheckV2 || request.command == HttpCommand::kCheck)
        return Page::kScan;
      put_out(access);
    } else {
      put_out(Access::kRefused);
    }
    return Page::kDone;
  }

  void put_out(Access access) {
    const LearntNow learnt = shared_.learnt();
    render_controller_page(session_.request(),
                           {.service = *shared_.service,
                            .statistics = shared_.statistics,
                            .log = shared_.log,
                            .open_connections = shared_.connections.size(),
                            .learnt = learnt,
                            .draining = shared_.draining},
                           access, out_);
  }

  AccessRequest asked() const {
    const HttpRequest& request = session_.request();
    return {.peer = peer().ip,
            .unix_socket = peer().unix_socket,
            .forwarded_for = request.forwarded_for,
            .real_ip = request.real_ip,
            .password = request.password};
  }

  // False where a password is being hashed elsewhere, which takes longer than the loop may wait.
  bool decide() {
    const std::shared_ptr<const ServeSettings> settings = shared_.settings();
    const Gatekeeper::First first = shared_.gatekeeper.look(settings->access, asked(), clock_ms());
    if (first.decided) {
      access_ = first.access;
      return true;
    }
    // More than these at once is guessing from many places.
    if (shared_.verifying >= ConnectionShared::kVerifyingMax) {
      access_ = Access::kTooManyFailures;
      return true;
    }
    ++shared_.verifying;
    if (!shared_.verifier) shared_.verifier.emplace(1);
    auto self = std::static_pointer_cast<ControllerConnection>(shared_from_this());
    asio::post(*shared_.verifier, [self = std::move(self), settings = settings]() mutable {
      const Access access = Gatekeeper::verify(settings->access, self->session_.request().password);
      asio::io_context& io = self->shared_.io;
      asio::post(io, [self = std::move(self), settings = std::move(settings), access] {
        --self->shared_.verifying;
        self->shared_.gatekeeper.remember(settings->access, self->asked(), access, clock_ms());
        if (access == Access::kRefused)
          self->shared_.log.event(LogLevel::kWarning, "controller", "a password was refused");
        self->access_ = access;
        self->resume();
      });
    });
    return false;
  }

  std::optional<Access> access_;
};

}  // namespace

void start_connection(ConnectionShared& shared, int fd, const sockaddr_storage& from, Front front,
                      bool tls) {
  const Peer peer = peer_of(from);
  Connection::Socket socket(shared.io);
  error_code bad;
  socket.assign({from.ss_family, peer.unix_socket ? 0 : IPPROTO_TCP}, fd, bad);
  if (bad) {
    ::close(fd);
    return;
  }
  // Too many: closed at once.
  const ServerOptions& options = shared.options;
  if (shared.connections.size() >= options.connections_max) return;
  const size_t most = options.connections_per_source_max;
  if (const auto open = shared.sources.find(source_of(peer));
      most > 0 && open != shared.sources.end() && open->second >= most)
    return;
  shared.statistics.connections.fetch_add(1, std::memory_order_relaxed);
  const std::shared_ptr<const ServeSettings> settings = shared.settings();
  const TlsKeys* const keys = tls ? settings->tls(front).keys.get() : nullptr;
  if (tls && !keys) return;  // never in the clear instead
  HttpLimits limits = options.http_limits;
  limits.controller = front == Front::kController;
  limits.date = http_date;
  const auto start = [keys](const std::shared_ptr<Connection>& one) { one->start(keys); };
  if (front == Front::kMilter)
    start(std::make_shared<MilterConnection>(shared, std::move(socket), peer));
  else if (front == Front::kHttp)
    start(std::make_shared<HttpConnection>(shared, std::move(socket), peer, limits));
  else
    start(std::make_shared<ControllerConnection>(shared, std::move(socket), peer, limits));
}

}  // namespace winnow
