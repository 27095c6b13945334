// One connection to one Redis server: TCP or a unix socket, TLS where the options say so. Blocks
// the thread that uses it, never longer than the deadline it is given.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/lookup/store/redis_options.h"
#include "pipeline/lookup/store/redis_reply.h"

struct ssl_st;
struct ssl_ctx_st;

namespace winnow {

using RedisClock = std::chrono::steady_clock;
using RedisDeadline = RedisClock::time_point;

// Certificates and keys, read once.
class RedisTls {
 public:
  // Errors: a file that cannot be used.
  static Result<std::shared_ptr<const RedisTls>> load(const RedisOptions& options);
  ~RedisTls();
  RedisTls(const RedisTls&) = delete;
  RedisTls& operator=(const RedisTls&) = delete;

 private:
  friend class RedisConnection;
  explicit RedisTls(ssl_ctx_st* context) : context_(context) {}
  ssl_ctx_st* const context_;
};

class RedisConnection {
 public:
  // Connects, and says who we are (AUTH, SELECT) with `username`, `password`, `db`. `tls` may be
  // null.
  static Result<std::unique_ptr<RedisConnection>> open(const RedisServer& server,
                                                       const RedisOptions& options,
                                                       std::shared_ptr<const RedisTls> tls,
                                                       RedisDeadline deadline);
  ~RedisConnection();
  RedisConnection(const RedisConnection&) = delete;
  RedisConnection& operator=(const RedisConnection&) = delete;

  // Sends all of `commands` and receives `count` replies. After an error the connection is of no
  // further use.
  Result<std::vector<RedisReply>> exchange(std::string_view commands, size_t count,
                                           RedisDeadline deadline);
  // Whether the other side has closed it, or said something unasked, while nobody used it.
  bool is_stale() const;

 private:
  RedisConnection(RedisServer server, int fd) : server_(std::move(server)), fd_(fd) {}
  enum class Io : uint8_t { kDone, kWantsRead, kWantsWrite, kClosed };
  Result<void> shake_hands(const RedisOptions& options, const RedisTls& tls,
                           RedisDeadline deadline);
  Result<void> introduce(const RedisOptions& options, RedisDeadline deadline);
  Result<void> wait(short events, RedisDeadline deadline) const;
  Io write_some(std::string_view& bytes);
  Io read_some();
  Io tls_result(int done) const;
  tl::unexpected<Error> broken(std::string_view what) const;

  const RedisServer server_;
  const int fd_;
  ssl_st* tls_ = nullptr;
  RedisReader reader_;
};

}  // namespace winnow
