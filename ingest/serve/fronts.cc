// What speaks the protocols over a connection: milter, HTTP with its older dialects, the
// controller.
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ctime>
#include <optional>
#include <span>

#include "engine/mime/date.h"
#include "engine/mime/ip.h"
#include "ingest/controller/learn_request.h"
#include "ingest/controller/pages.h"
#include "ingest/http/reply.h"
#include "ingest/serve/connection.h"
#include "ingest/serve/log_line.h"
#include "pipeline/learn/autolearn.h"
#include "pipeline/learn/examine.h"
#include "rules/checks/learned/bayes.h"

namespace winnow {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

Peer peer_of(const sockaddr_storage& from) {
  const auto bytes = [](const auto& address) {
    return std::span(reinterpret_cast<const uint8_t*>(&address), sizeof address);
  };
  Peer peer;
  if (from.ss_family == AF_INET)
    peer.ip = ip_of_bytes(bytes(reinterpret_cast<const sockaddr_in&>(from).sin_addr));
  else if (from.ss_family == AF_INET6)
    peer.ip = ip_of_bytes(bytes(reinterpret_cast<const sockaddr_in6&>(from).sin6_addr));
  else
    peer.unix_socket = true;
  return peer;
}

// Of answers. On the loop's thread.
std::string http_date() {
  static thread_local time_t said = 0;
  static thread_local std::string text;
  if (const time_t now = ::time(nullptr); now != said) {
    said = now;
    text = write_http_date(now);
  }
  return text;
}

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
  std::string_view front() const override { return front_name(Front::kMilter); }
  Refusal take_refusal() override {
    return {session_.refusal(), std::string(session_.macro("i"))};  // the connection ends with it
  }
  std::string_view queue_id() const override { return session_.macro("i"); }
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
  std::string_view front() const override { return front_name(Front::kHttp); }
  Refusal take_refusal() override { return session_.take_refusal(); }
  std::string_view queue_id() const override { return session_.request().envelope.queue_id; }
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
    Learning learning{.request = *std::exchange(learn_, std::nullopt),
                      .id = std::string(scanned.one.evidence.message_id),
                      .tag = log_tag(scanned),
                      .denied = {}};
    LearnRecord record;
    std::string reply;
    if (!may_learn(scanned, learning, record, reply)) {
      answer(self, std::move(reply));
    } else if (!learn(self, learning, std::move(record))) {
      render_not_learnt(session_.request(), 503, "too much is to be learnt at once, try again",
                        reply);
      answer(self, std::move(reply));
    }
    return true;
  }
  // A request to learn, from its scan to its answer.
  struct Learning {
    LearnRequest request;
    std::string id, tag;  // the message's own, and that of its lines in the log
    LearnDenial denied;
  };
  // As Rspamd's, an answer of 204 has a text, which clients show. RFC 9110 15.3.5 has none, so that
  // who goes on reading would take it for the next answer's begin: no other comes.
  void render_no_lesson(std::string_view why, std::string& reply) {
    session_.close_after_answer();
    render_not_learnt(session_.request(), 204, why, reply);
  }
  // Fills the record of what is to be learnt; false where nothing is, and `reply` says why.
  bool may_learn(const Scanned& scanned, Learning& learning, LearnRecord& record,
                 std::string& reply) {
    const RuleSet& rules = *scanned.live.rules;
    const LearnRequest& request = learning.request;
    if (!learn_record(rules, scanned.one, record)) {
      render_not_learnt(session_.request(), 404, "the message has nothing to learn", reply);
      return false;
    }
    record.kind = request.kind;
    record.label = request.label;
    record.time_ms = scanned.one.evidence.envelope.now_ms;
    record.who = session_.request().command == HttpCommand::kTell ? "spamc" : "controller";
    if (request.kind == LearnKind::kForget) return true;
    if (const std::string few = too_few_tokens(rules, record); !few.empty()) {
      render_no_lesson(fmt::format("<{}> contains less tokens than required for bayes classifier: "
                                   "{}",
                                   log_text(learning.id), few),
                       reply);
      return false;
    }
    learning.denied = learn_denied(rules, scanned.one, request.label, request.headers);
    if (learning.denied.why.empty() || learning.denied.unless_moved) return true;
    deny(learning, reply);
    return false;
  }
  void deny(const Learning& learning, std::string& reply) {
    shared_.log.message(learning.tag, fmt::format("does not learn <{}>: {}", log_text(learning.id),
                                                  learning.denied.why));
    render_no_lesson(fmt::format("all learn conditions denied learning {} in default classifier",
                                 learning.request.label.name()),
                     reply);
  }
  // False where too much waits to be learnt; else the answer comes when it is.
  bool learn(const std::shared_ptr<Connection>& self, const Learning& learning,
             LearnRecord&& record) {
    const bool only_moves = !learning.denied.why.empty();
    return shared_.learner->learn(
        std::move(record),
        [this, self, learning, only_moves](const Result<Learnt>& what) {
          std::string reply;
          if (only_moves && what && *what != Learnt::kMoved)
            deny(learning, reply);
          else
            tell_learnt(learning, what, reply);
          answer(self, std::move(reply));
        },
        only_moves ? LearnQueue::Which::kMoves : LearnQueue::Which::kAll);
  }
  void tell_learnt(const Learning& learning, const Result<Learnt>& what, std::string& reply) {
    render_learnt(session_.request(), learning.request, learning.id, what, reply);
    if (what)
      shared_.log.message(learning.tag,
                          fmt::format("{} <{}> as {}", kLearntWords[static_cast<size_t>(*what)],
                                      log_text(learning.id), learning.request.label.name()));
    else
      shared_.log.event(LogLevel::kError, "learn", what.error().text());
  }
  Page page() final { return then_ ? std::exchange(then_, nullptr)() : first_page(); }
  // `then` once the request's body is unpacked, which takes longer than the loop may wait.
  Page with_body(std::function<Page()> then) {
    if (!session_.request().packed) return then();
    if (shared_.packed.size() >= ConnectionShared::kPackedMax) {
      render_overload(out_);
      tell_overload();
      return Page::kDone;
    }
    then_ = std::move(then);
    shared_.packed.push_back(shared_from_this());
    asio::post(shared_.io, [&shared = shared_] { shared.unpack_next(); });
    return Page::kLater;
  }
  void unpack_body() override {
    PackedBody body = session_.take_packed();
    expect(body.bytes.size() + unpacked_size(body));
    if (!shared_.unpacker) shared_.unpacker.emplace(1);
    auto self = std::static_pointer_cast<HttpConnection>(shared_from_this());
    asio::post(*shared_.unpacker, [self = std::move(self), body = std::move(body)]() mutable {
      std::string plain, what;
      unpack(body, plain, what);
      body = {};
      asio::io_context& io = self->shared_.io;
      asio::post(
          io, [self = std::move(self), plain = std::move(plain), what = std::move(what)]() mutable {
            self->shared_.unpacking = false;
            self->unpacked(std::move(plain), what);
            self->shared_.unpack_next();
          });
    });
  }
  void unpacked(std::string&& plain, const std::string& what) {
    if (what.empty()) {
      session_.unpacked(std::move(plain));
    } else {
      then_ = [this, what] {
        session_.refuse_packed(what, out_);
        return Page::kDone;
      };
    }
    account();
    resume();
  }
  // A scan of what was unpacked.
  Page scan_page() {
    if (!session_.request().unscanned) return Page::kScan;
    render_unscanned(session_.request(), *shared_.service->live(), out_);
    return Page::kDone;
  }
  virtual Page first_page() {
    const HttpRequest& request = session_.request();
    std::string body;
    if (request.command == HttpCommand::kTell) {
      // This port asks for no password: only who needs none may teach.
      AccessRequest asks;
      asks.peer = peer().ip;
      asks.unix_socket = peer().unix_socket;
      if (is_trusted_peer(shared_.settings()->access, asks))
        return with_body([this] { return learn_page(); });
      return refuse_learning(75, "TELL is for secure_ip and unix sockets");
    }
    if (request.packed) return with_body([this] { return scan_page(); });
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
  std::function<Page()> then_;  // what the page goes on with
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
  std::string_view front() const override { return front_name(Front::kController); }
  bool is_mail() const override { return false; }
  bool may_ask() const override { return held_bytes() == 0; }
  Page first_page() override {
    const HttpRequest& request = session_.request();
    if (!is_open_page(request.command)) {
      if (!access_ && !decide()) return Page::kLater;
      const Access access = *std::exchange(access_, std::nullopt);
      if (access < access_needed(request.command)) {
        shared_.statistics.refused_passwords.fetch_add(1, std::memory_order_relaxed);
        render_refusal(request, access, out_);
        return Page::kDone;
      }
      if (is_learn_command(request.command)) return with_body([this] { return learn_page(); });
      if (request.command == HttpCommand::kCheckV2 || request.command == HttpCommand::kCheck)
        return with_body([this] { return scan_page(); });
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
  const auto refuse = [&](std::string_view why, size_t most) {
    shared.statistics.add_refused(front_name(front), why);
    shared.log.event(LogLevel::kWarning, front_name(front),
                     fmt::format("refused: {}, {} are allowed, of {}", why, most, peer.text()));
  };
  const ServerOptions& options = shared.options;
  if (shared.connections.size() >= options.connections_max)
    return refuse("too many connections", options.connections_max);
  const size_t most = options.connections_per_source_max;
  if (const auto open = shared.sources.find(peer.source());
      most > 0 && open != shared.sources.end() && open->second >= most)
    return refuse("too many connections of one address", most);
  shared.statistics.connections.fetch_add(1, std::memory_order_relaxed);
  const std::shared_ptr<const ServeSettings> settings = shared.settings();
  const TlsKeys* const keys = tls ? settings->tls(front).keys.get() : nullptr;
  if (tls && !keys) return;  // never in the clear instead
  HttpLimits limits = options.http_limits;
  limits.controller = front == Front::kController;
  limits.date = http_date;
  limits.keys = settings->sealing(front).keys;
  limits.sealed_only = settings->sealing(front).only;
  const auto start = [keys](const std::shared_ptr<Connection>& one) { one->start(keys); };
  if (front == Front::kMilter)
    start(std::make_shared<MilterConnection>(shared, std::move(socket), peer));
  else if (front == Front::kHttp)
    start(std::make_shared<HttpConnection>(shared, std::move(socket), peer, limits));
  else
    start(std::make_shared<ControllerConnection>(shared, std::move(socket), peer, limits));
}

}  // namespace winnow
