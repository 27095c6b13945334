// One client's connection: a socket, the session that understands its bytes, and the way of a
// message to the service and of its answer back. Lives as long as an operation or a scan holds it.
//
//   readable → session.feed() → want: bytes (read on), a page (put out), a verdict (submit; nothing
//   is read until a worker has rendered the answer and posted it to the loop), close
//
// Threads: everything runs on the loop but scanned(), which a worker calls; the loop does not touch
// a session that awaits its verdict.
#pragma once

#include <boost/asio.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <unordered_set>

#include "ingest/serve/server.h"
#include "ingest/serve/statistics.h"
#include "ingest/session.h"

namespace winnow {

class Connection;

// What a connection speaks.
enum class Front : uint8_t { kMilter, kHttp };

// What all connections of a server share.
struct ConnectionShared {
  ConnectionShared(const ServerOptions& o, Log& l) : options(o), log(l) {}

  static constexpr size_t kReadBytes = 64 * 1024;

  const ServerOptions options;
  Log& log;  // any thread
  boost::asio::io_context io{1};
  bool draining = false;
  std::unordered_set<Connection*> connections;
  std::unique_ptr<char[]> buffer = std::make_unique<char[]>(kReadBytes);
  Statistics statistics;  // any thread
  Service* service = nullptr;

  // Any thread.
  std::shared_ptr<const ServeSettings> settings() const { return std::atomic_load(&settings_); }
  void use(std::shared_ptr<const ServeSettings> fresh) {
    std::atomic_store(&settings_, std::move(fresh));
  }

 private:
  std::shared_ptr<const ServeSettings> settings_ = std::make_shared<ServeSettings>();
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;
  using Clock = std::chrono::steady_clock;

  Connection(ConnectionShared& shared, Socket socket);
  virtual ~Connection();
  void start() { read(); }
  // True between messages: nothing is lost when it is closed now.
  bool idle() const { return !waiting_ && writing_.empty() && out_.empty() && held_bytes() == 0; }
  bool too_slow(Clock::time_point now) const;
  void close();

 protected:
  virtual int64_t idle_max_ms() const = 0;
  virtual SessionWant feed(std::string_view bytes) = 0;
  virtual SessionWant end_of_input() = 0;
  virtual SessionWant answered() = 0;
  virtual size_t held_bytes() const = 0;
  virtual void page() = 0;
  virtual Message take_message() = 0;
  virtual void render(const Scanned& scanned, std::string& out) = 0;
  virtual void render_overload(std::string& out) = 0;
  virtual bool logged() const { return true; }

  ConnectionShared& shared_;
  std::string out_;

 private:
  void read();
  void readable();
  void go(SessionWant want);
  void write();
  void scan();
  void scanned(std::shared_ptr<Connection> self, const Scanned& scanned);

  Socket socket_;
  std::string writing_;
  Clock::time_point active_ = Clock::now();
  bool waiting_ = false;  // for a verdict
  bool closing_ = false, ended_ = false;
};

// Makes the connection of an accepted socket and starts it.
void start_connection(ConnectionShared& shared, Connection::Socket socket, Front front);

}  // namespace winnow
