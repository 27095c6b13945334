#include "ingest/serve/connection.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <cerrno>
#include <optional>

#include "ingest/serve/debug_lines.h"
#include "ingest/serve/log_line.h"
#include "pipeline/learn/autolearn.h"
#include "pipeline/learn/examine.h"
#include "rules/checks/learned/bayes.h"

namespace winnow {

namespace asio = boost::asio;
using boost::system::error_code;

Connection::Connection(ConnectionShared& shared, Socket socket, const Peer& peer)
    : shared_(shared), socket_(std::move(socket)), peer_(peer), source_(peer.source()) {
  shared_.connections.insert(this);
  if (!source_.empty()) ++shared_.sources[source_];
}

Connection::~Connection() {
  shared_.connections.erase(this);
  if (!source_.empty() && --shared_.sources[source_] == 0) shared_.sources.erase(source_);
  shared_.service->admission().release(hold_);
}

void ConnectionShared::unpack_next() {
  while (!unpacking && !packed.empty()) {
    const std::shared_ptr<Connection> one = packed.front();
    const bool open = one->socket_.is_open();
    if (open && !service->admission().may_read(one->hold_)) return;
    packed.pop_front();
    if (!open) continue;
    unpacking = true;
    one->unpack_body();
  }
}

void ConnectionShared::read_on() {
  unpack_next();
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
    tell_overload();
    held_back_ = false;  // read_on() passes it
    render_sent_away(out_);
    closing_ = true;
    return write();
  }
  if (!too_slow(now)) return;
  if (held_bytes() > 1) tell({"too slow", std::string(queue_id())});
  close();
}

void Connection::tell(const Refusal& refusal) {
  if (refusal.why.empty()) return;
  shared_.statistics.add_refused(front(), refusal.why);
  std::string line = fmt::format("refused: {}{}{}, of {}", refusal.why,
                                 refusal.more.empty() ? "" : ": ", refusal.more, peer_.text());
  if (!refusal.queue_id.empty()) line += fmt::format(", qid: <{}>", log_text(refusal.queue_id));
  shared_.log.event(LogLevel::kWarning, front(), line);
}

void Connection::tell_overload() {
  shared_.statistics.overloads.fetch_add(1, std::memory_order_relaxed);
  tell({"too busy", std::string(queue_id())});
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
  constexpr size_t kAskBytes = 4096;
  if (may_ask()) return take_bytes(kAskBytes);
  held_back_ = true;
  held_back_since_ = Clock::now();
  shared_.held_back.push_back(shared_from_this());
}

void Connection::account() { expect(held_bytes()); }

void Connection::expect(uint64_t bytes) { shared_.service->admission().set(hold_, bytes, false); }

TlsStream::Io Connection::receive(std::span<char> to, size_t& n) {
  using Io = TlsStream::Io;
  if (tls_) return tls_->read(to, n);
  const ssize_t got = ::recv(socket_.native_handle(), to.data(), to.size(), 0);
  n = got > 0 ? static_cast<size_t>(got) : 0;
  if (got > 0) return Io::kDone;
  if (got == 0) return Io::kEnd;
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? Io::kRead : Io::kBroken;
}

void Connection::take_bytes(size_t most) {
  using Io = TlsStream::Io;
  size_t n = 0;
  const Io what = receive({shared_.buffer.get(), most}, n);
  if (what == Io::kRead) return read();
  if (what == Io::kWrite)  // of a handshake
    return socket_.async_wait(Socket::wait_write,
                              [self = shared_from_this()](const error_code& error) {
                                if (!error) self->take_bytes();
                              });
  if (what == Io::kBroken) {
    if (tls_ && !tls_->failure().empty()) tell({"TLS handshake", {}, tls_->failure()});
    return close();
  }
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
  if (!closing_) tell(take_refusal());
  while (want == SessionWant::kPage) {
    const Page what = page();
    if (what == Page::kLater) {
      waiting_ = true;
      return write();
    }
    if (!closing_) tell(take_refusal());
    want = what == Page::kScan ? SessionWant::kVerdict : answered();
    account();
    if (!closing_) tell(take_refusal());
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
  message.on_its_way = is_mail();
  waiting_ = true;
  if (proxied()) {
    Remote& proxy = shared_.proxy();
    proxy.mirror(message);
    const ProxySettings& settings = proxy.settings();
    if (settings.upstream) return scan_elsewhere(proxy, std::move(message));
    if (!settings.settings_id.empty()) message.settings_id = settings.settings_id;
    message.request_headers.insert(message.request_headers.end(), settings.headers.begin(),
                                   settings.headers.end());
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
  tell_overload();
  render_overload(out_);
  go(answered());
}

// Meanwhile its bytes count with the budget as those of one that is scanned here.
void Connection::scan_elsewhere(Remote& proxy, Message&& message) {
  const auto kept = std::make_shared<const Message>(std::move(message));
  const Upstream& upstream = *proxy.settings().upstream;
  const uint64_t copies = upstream.key.empty() ? 1 : 2;  // the other one is sealed
  shared_.service->admission().set(hold_, copies * kept->bytes.size(), true);
  const std::string name = upstream.name;
  auto done = [self = shared_from_this(), kept, name](std::optional<RemoteReply> reply) {
    self->waiting_ = false;
    self->active_ = Clock::now();
    self->render_remote(reply ? &*reply : nullptr, self->out_);
    if (reply)
      self->shared_.log.message(
          "proxy", fmt::format("id: <{}>, qid: <{}>, upstream {}: {}", log_text(reply->message_id),
                               log_text(kept->queue_id), name, log_text(reply->action)));
    const SessionWant want = self->answered();
    self->account();
    self->go(want);
  };
  const std::shared_ptr<const RuleSet> rules = shared_.service->live()->rules;
  proxy.scan(kept, {rules, &rules->model}, std::move(done));
}

// On the thread that scanned: the session is not touched by the loop while it awaits a verdict.
void Connection::scanned(std::shared_ptr<Connection> self, const Scanned& scanned) {
  std::string reply;
  if (scanned.too_late) {
    render_overload(reply);
    tell_overload();
  } else if (takes_over(self, scanned)) {
    return;
  } else {
    render(scanned, reply);
    learn_beside(scanned);
    if (shared_.effects) shared_.effects->carry_out(*scanned.live.rules, scanned.one, is_mail());
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

// What is clear without the classifier, or what a check wants learnt, is learnt beside the answer,
// which does not wait for it.
void Connection::learn_beside(const Scanned& scanned) {
  if (!shared_.learner) return;
  const RuleSet& rules = *scanned.live.rules;
  const std::optional<Lesson> lesson = lesson_of(rules, scanned.one, is_mail());
  LearnRecord record;
  if (!lesson || !learn_record(rules, scanned.one, record)) return;
  LearnDenial denied = lesson->denied;
  if (const std::string few = too_few_tokens(rules, record); !few.empty())
    denied = {.why = fmt::format("it has too few tokens, {}", few)};
  // Lines of the log; none where nobody asked for them.
  std::string learnt, not_learnt;
  if (lesson->is_wanted) {
    learnt = fmt::format("autolearned as {} for {}", lesson->label.name(), lesson->who);
    not_learnt = fmt::format("does not learn <{}> for {}: {}",
                             log_text(scanned.one.evidence.message_id), lesson->who, denied.why);
  } else if (find_bayes(rules)->autolearn.logged) {
    learnt = fmt::format("autolearned as {}", lesson->label.name());
  }
  const auto tell = [&log = shared_.log, tag = log_tag(scanned)](const std::string& line) {
    if (!line.empty()) log.message(tag, line);
  };
  const bool only_moves = !denied.why.empty();
  if (only_moves && !denied.unless_moved) return tell(not_learnt);
  record.label = lesson->label;
  record.time_ms = scanned.one.evidence.envelope.now_ms;
  record.who = lesson->who;
  const bool taken = shared_.learner->learn(
      std::move(record),
      [&log = shared_.log, tell, learnt, not_learnt, only_moves](const Result<Learnt>& what) {
        if (!what)
          log.event(LogLevel::kError, "learn", what.error().text());
        else
          tell(only_moves && *what != Learnt::kMoved ? not_learnt : learnt);
      },
      only_moves ? LearnQueue::Which::kMoves : LearnQueue::Which::kAll);
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

}  // namespace winnow
