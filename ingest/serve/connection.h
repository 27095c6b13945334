// One client's connection: a socket, the session that understands its bytes, and the way of a
// message to the service and of its answer back. Lives as long as an operation or a scan holds it.
//
//   readable → session.feed() → want: bytes (read on), a page (put out), a verdict (submit; nothing
//   is read until a worker has rendered the answer and posted it to the loop), close
//
// Threads: everything runs on the loop but scanned(), which a worker calls, or the loop itself
// where nothing else is to do (Service::scan_here); the loop does not touch a session that awaits
// its verdict.
#pragma once

#include <sys/socket.h>

#include <boost/asio.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "engine/mime/ip.h"
#include "ingest/controller/access.h"
#include "ingest/proxy/remote.h"
#include "ingest/serve/server.h"
#include "ingest/serve/statistics.h"
#include "ingest/serve/tls.h"
#include "ingest/session.h"

namespace winnow {

class Connection;

// What all connections of a server share.
struct ConnectionShared {
  ConnectionShared(const ServerOptions& o, Log& l) : options(o), log(l) {}

  static constexpr size_t kReadBytes = ServerOptions::kReadBytes;

  const ServerOptions options;
  Log& log;  // any thread
  boost::asio::io_context io{1};
  bool draining = false;
  std::unordered_set<Connection*> connections;
  std::unordered_map<std::string, size_t> sources;    // open connections by address
  std::deque<std::shared_ptr<Connection>> held_back;  // may not read now; first come, first served
  std::unique_ptr<char[]> buffer = std::make_unique<char[]>(kReadBytes);
  Statistics statistics;  // any thread
  Service* service = nullptr;
  LearnQueue* learner = nullptr;  // null: nothing is learnt
  Effects* effects = nullptr;     // null: verdicts have none
  LearntNow learnt() const;       // for /stat
  // Of the settings in use, as it is when a message comes. On the loop.
  Remote& proxy() {
    const std::shared_ptr<const ProxySettings> now = settings()->proxy;
    if (&remote_.settings() != now.get()) remote_.use(now);
    return remote_;
  }
  Gatekeeper gatekeeper;
  static constexpr unsigned kVerifyingMax = 32;
  unsigned verifying = 0;  // passwords that wait to be hashed
  // Whose bodies wait to be unpacked: one after the other, each once the budget has room for what
  // it becomes.
  static constexpr size_t kPackedMax = 64;
  std::deque<std::shared_ptr<Connection>> packed;
  bool unpacking = false;
  void unpack_next();
  // Passwords are hashed and bodies unpacked here; their handlers post to `io`. Made when the first
  // one is there.
  std::optional<boost::asio::thread_pool> verifier, unpacker;

  // Any thread.
  std::shared_ptr<const ServeSettings> settings() const { return std::atomic_load(&settings_); }
  void use(std::shared_ptr<const ServeSettings> fresh) {
    std::atomic_store(&settings_, std::move(fresh));
  }

  // There may be room again: those who were held back read on, as far as it goes.
  void read_on();

  // On the loop: scans here what was left here, once a round over what else can be read and
  // accepted brought no more messages than the `waited` that were there before it.
  void scan_soon(uint64_t waited);

  // Any thread: an answer that waits for hand_out().
  void keep(std::shared_ptr<Connection> to, std::string reply);
  // Any thread, after each share of the service: what clients are told next is in the log by then,
  // and the loop wakes once for all of them.
  void hand_out();

 private:
  std::mutex kept_mutex_;
  std::vector<std::pair<std::shared_ptr<Connection>, std::string>> kept_;
  std::shared_ptr<const ServeSettings> settings_ = std::make_shared<ServeSettings>();
  Remote remote_{io, log, statistics.remote};
};

// Who is at the other end.
struct Peer {
  IpAddress ip;
  bool unix_socket = false;
  // The address as bytes; empty where there is none.
  std::string source() const {
    const size_t size = ip.family == 6 ? 16 : ip.family;
    return {reinterpret_cast<const char*>(ip.bytes), size};
  }
  std::string text() const {
    char out[kIpTextMax];
    return unix_socket ? "a unix socket" : std::string(out, format_ip(ip, out));
  }
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kFirstWords{1}, kLastWords{2};

  Connection(ConnectionShared& shared, Socket socket, const Peer& peer);
  virtual ~Connection();
  // `keys`: it speaks TLS; null = it does not.
  void start(const TlsKeys* keys);
  // True between messages: nothing is lost when it is closed now. A client that came a moment ago
  // is given time to say what it came for.
  bool idle() const {
    return !waiting_ && writing_.empty() && out_.empty() && held_bytes() == 0 &&
           (answered_ || Clock::now() - since_ > kFirstWords);
  }
  // Each second: closed where the client is too slow, sent away where it was held back too long.
  void check_time(Clock::time_point now);
  void close();

 protected:
  virtual int64_t idle_max_ms() const = 0;
  virtual SessionWant feed(std::string_view bytes) = 0;
  virtual SessionWant end_of_input() = 0;
  virtual SessionWant answered() = 0;
  // As the log and the counts know the front.
  virtual std::string_view front() const = 0;
  // What the session refused since it was asked last.
  virtual Refusal take_refusal() = 0;
  // The MTA's name of the message on its way; empty where there is none.
  virtual std::string_view queue_id() const = 0;
  virtual size_t held_bytes() const = 0;
  // Whether a little may be read where there is no room for mail: who watches the service is told
  // of it then above all.
  virtual bool may_ask() const { return false; }
  // What becomes of a page: it is put out; the request is a scan after all; somebody will resume().
  enum class Page : uint8_t { kDone, kScan, kLater };
  virtual Page page() = 0;
  // On the loop, after kLater: asks for the page again.
  void resume();
  const Peer& peer() const { return peer_; }
  // Any thread: logs and counts a message that there is no room for.
  void tell_overload();
  // What the connection holds of the next message is known to the budget; `bytes`: what it will be.
  void account();
  void expect(uint64_t bytes);
  // The body of the request is to be unpacked now; then unpacking ends, and somebody will resume().
  virtual void unpack_body() {}
  virtual Message take_message() = 0;
  virtual void render(const Scanned& scanned, std::string& out) = 0;
  virtual void render_overload(std::string& out) = 0;
  // To a client whose message is not read to its end; nothing where the protocol has no word for
  // it.
  virtual void render_sent_away(std::string& out) = 0;
  // What it reads may be scanned elsewhere; `reply`: null where nobody answered.
  virtual bool proxied() const { return false; }
  virtual void render_remote(const RemoteReply*, std::string&) {}
  // On a worker's thread: true where answer() will be called later instead of render().
  virtual bool takes_over(const std::shared_ptr<Connection>&, const Scanned&) { return false; }
  // Any thread, once: puts out the answer to what was scanned, and goes on.
  static void answer(std::shared_ptr<Connection> self, std::string reply);
  friend void ConnectionShared::hand_out();
  void take_answer(std::string&& reply);  // on the loop
  virtual bool logged() const { return true; }
  virtual bool counted() const { return true; }
  // Mail on its way, not what somebody teaches with or only looks at.
  virtual bool is_mail() const { return true; }

  ConnectionShared& shared_;
  std::string out_;

 private:
  void read();
  void readable();
  void take_bytes(size_t most = ConnectionShared::kReadBytes);
  bool too_slow(Clock::time_point now) const;
  // Logs and counts that mail, or what was taken for it, is not taken.
  void tell(const Refusal& refusal);
  void go(SessionWant want);
  // Bytes that are there, at most `to`; what became of it as TlsStream says it.
  TlsStream::Io receive(std::span<char> to, size_t& n);
  void write();
  void write_tls();
  void last_words();
  void drop_bytes();
  void wrote();
  void scan();
  void scan_elsewhere(Remote& proxy, Message&& message);
  void scanned(std::shared_ptr<Connection> self, const Scanned& scanned);
  void learn_beside(const Scanned& scanned);

  friend ConnectionShared;

  Socket socket_;
  const Peer peer_;
  const std::string source_;  // its address; empty for unix sockets
  std::unique_ptr<TlsStream> tls_;
  std::string writing_;
  size_t written_ = 0;  // of it; TLS only
  Hold hold_;           // of the budget, for what came of the next message
  Clock::time_point content_since_{}, held_back_since_{};
  bool held_back_ = false;
  std::optional<Clock::time_point> lingering_;  // since when it only waits for the client's end
  Clock::time_point active_ = Clock::now();
  const Clock::time_point since_ = Clock::now();
  bool answered_ = false;  // something
  bool waiting_ = false;   // for a verdict, or for who may see a page
  bool closing_ = false, ended_ = false;
};

// fronts.cc: makes the connection of an accepted, non-blocking socket and starts it, or closes it
// where there are too many. Owns `fd`; `from`: as accept(2) gave it.
void start_connection(ConnectionShared& shared, int fd, const sockaddr_storage& from, Front front,
                      bool tls);

}  // namespace winnow
