#include "pipeline/lookup/store/redis_connection.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

namespace winnow {

namespace {

std::string tls_words() {
  const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
  std::string text = reason ? reason : "it cannot be used";
  ERR_clear_error();
  return text;
}

// 0: the deadline is over.
int left_ms(RedisDeadline deadline) {
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(deadline - RedisClock::now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, 1 << 30));
}

// A socket that is connected or on its way; -1 with errno.
int start_connecting(int family, const sockaddr* address, socklen_t size) {
  const int fd = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  if (::connect(fd, address, size) == 0 || errno == EINPROGRESS) return fd;
  const int problem = errno;
  ::close(fd);
  errno = problem;
  return -1;
}

// 0, or what went wrong.
int finish_connecting(int fd, RedisDeadline deadline) {
  pollfd one{fd, POLLOUT, 0};
  int ready = 0;
  do {
    ready = ::poll(&one, 1, left_ms(deadline));
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) return ETIMEDOUT;
  int problem = 0;
  socklen_t size = sizeof problem;
  ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &size);
  return problem;
}

int connect_unix(const RedisServer& server, RedisDeadline deadline, int& problem) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (server.host.size() >= sizeof address.sun_path) {
    problem = ENAMETOOLONG;
    return -1;
  }
  std::memcpy(address.sun_path, server.host.data(), server.host.size());
  const int fd = start_connecting(AF_UNIX, reinterpret_cast<sockaddr*>(&address), sizeof address);
  problem = fd < 0 ? errno : finish_connecting(fd, deadline);
  if (problem != 0 && fd >= 0) ::close(fd);
  return problem == 0 ? fd : -1;
}

int connect_tcp(const RedisServer& server, RedisDeadline deadline, int& problem,
                std::string& words) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  const std::string port = std::to_string(server.port);
  if (const int code = ::getaddrinfo(server.host.c_str(), port.c_str(), &hints, &found);
      code != 0) {
    words = ::gai_strerror(code);
    return -1;
  }
  int fd = -1;
  problem = ECONNREFUSED;
  for (const addrinfo* at = found; at && fd < 0; at = at->ai_next) {
    fd = start_connecting(at->ai_family, at->ai_addr, at->ai_addrlen);
    problem = fd < 0 ? errno : finish_connecting(fd, deadline);
    if (problem != 0 && fd >= 0) ::close(std::exchange(fd, -1));
  }
  ::freeaddrinfo(found);
  if (fd < 0) return -1;
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  return fd;
}

}  // namespace

Result<std::shared_ptr<const RedisTls>> RedisTls::load(const RedisOptions& options) {
  ERR_clear_error();
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to sockets that may be closed by then
  std::shared_ptr<RedisTls> out(new RedisTls(SSL_CTX_new(TLS_client_method())));
  SSL_CTX* const context = out->context_;
  if (!context) return fail(fmt::format("redis: TLS: {}", tls_words()));
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_default_passwd_cb(context, [](char*, int, int, void*) { return 0; });
  const auto or_null = [](const std::string& text) {
    return text.empty() ? nullptr : text.c_str();
  };
  if (!options.tls_ca.empty() || !options.tls_ca_dir.empty()) {
    if (SSL_CTX_load_verify_locations(context, or_null(options.tls_ca),
                                      or_null(options.tls_ca_dir)) != 1)
      return fail(fmt::format("redis: ssl_ca: {}", tls_words()));
  } else {
    SSL_CTX_set_default_verify_paths(context);
  }
  SSL_CTX_set_verify(context, options.tls_verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (!options.tls_cert.empty() &&
      SSL_CTX_use_certificate_chain_file(context, options.tls_cert.c_str()) != 1)
    return fail(fmt::format("redis: ssl_cert {}: {}", options.tls_cert, tls_words()));
  if (!options.tls_key.empty() &&
      SSL_CTX_use_PrivateKey_file(context, options.tls_key.c_str(), SSL_FILETYPE_PEM) != 1)
    return fail(fmt::format("redis: ssl_key {}: {}", options.tls_key, tls_words()));
  return std::shared_ptr<const RedisTls>(std::move(out));
}

RedisTls::~RedisTls() { SSL_CTX_free(context_); }

Result<std::unique_ptr<RedisConnection>> RedisConnection::open(const RedisServer& server,
                                                               const RedisOptions& options,
                                                               std::shared_ptr<const RedisTls> tls,
                                                               RedisDeadline deadline) {
  int problem = 0;
  std::string words;
  const int fd = server.is_unix() ? connect_unix(server, deadline, problem)
                                  : connect_tcp(server, deadline, problem, words);
  if (fd < 0)
    return fail(fmt::format("redis {}: cannot be connected to: {}", server.text(),
                            words.empty() ? std::strerror(problem) : words));
  std::unique_ptr<RedisConnection> out(new RedisConnection(server, fd));
  if (tls)
    if (Result<void> good = out->shake_hands(options, *tls, deadline); !good)
      return fail(good.error());
  if (Result<void> good = out->introduce(options, deadline); !good) return fail(good.error());
  return out;
}

RedisConnection::~RedisConnection() {
  SSL_free(tls_);
  ::close(fd_);
}

tl::unexpected<Error> RedisConnection::broken(std::string_view what) const {
  return fail(fmt::format("redis {}: {}", server_.text(), what));
}

Result<void> RedisConnection::wait(short events, RedisDeadline deadline) const {
  for (;;) {
    const int left = left_ms(deadline);
    pollfd one{fd_, events, 0};
    const int ready = left > 0 ? ::poll(&one, 1, left) : 0;
    if (ready > 0) return {};
    if (ready == 0) return broken("does not answer in time");
    if (errno != EINTR) return broken(std::strerror(errno));
  }
}

Result<void> RedisConnection::shake_hands(const RedisOptions& options, const RedisTls& tls,
                                          RedisDeadline deadline) {
  ERR_clear_error();
  tls_ = SSL_new(tls.context_);
  SSL_set_fd(tls_, fd_);
  const std::string& name = options.tls_name.empty() ? server_.host : options.tls_name;
  in6_addr ignored;
  const bool is_address = ::inet_pton(AF_INET, name.c_str(), &ignored) == 1 ||
                          ::inet_pton(AF_INET6, name.c_str(), &ignored) == 1;
  if (is_address) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls_), name.c_str());
  } else if (!name.starts_with('/')) {
    SSL_set_tlsext_host_name(tls_, name.c_str());
    SSL_set1_host(tls_, name.c_str());
  }
  for (;;) {
    const int done = SSL_connect(tls_);
    if (done == 1) return {};
    const Io what = tls_result(done);
    if (what == Io::kClosed) {
      const long verdict = SSL_get_verify_result(tls_);
      return broken(fmt::format(
          "TLS: {}", verdict == X509_V_OK ? tls_words() : X509_verify_cert_error_string(verdict)));
    }
    if (Result<void> ready = wait(what == Io::kWantsRead ? POLLIN : POLLOUT, deadline); !ready)
      return ready;
  }
}

Result<void> RedisConnection::introduce(const RedisOptions& options, RedisDeadline deadline) {
  std::string commands;
  size_t count = 0;
  const auto add = [&](std::initializer_list<std::string_view> words) {
    append_redis_command({words.begin(), words.size()}, commands);
    ++count;
  };
  if (!options.username.empty())
    add({"AUTH", options.username, options.password});
  else if (!options.password.empty())
    add({"AUTH", options.password});
  const std::string db = std::to_string(options.db);
  if (options.db != 0) add({"SELECT", db});
  if (count == 0) return {};
  const Result<std::vector<RedisReply>> replies = exchange(commands, count, deadline);
  if (!replies) return fail(replies.error());
  for (const RedisReply& reply : *replies)
    if (reply.is_error()) return broken(reply.text);
  return {};
}

RedisConnection::Io RedisConnection::tls_result(int done) const {
  switch (SSL_get_error(tls_, done)) {
    case SSL_ERROR_WANT_READ:
      return Io::kWantsRead;
    case SSL_ERROR_WANT_WRITE:
      return Io::kWantsWrite;
    default:
      return Io::kClosed;
  }
}

RedisConnection::Io RedisConnection::write_some(std::string_view& bytes) {
  if (tls_) {
    ERR_clear_error();
    size_t sent = 0;
    const int done = SSL_write_ex(tls_, bytes.data(), bytes.size(), &sent);
    if (done != 1) return tls_result(done);
    bytes.remove_prefix(sent);
    return Io::kDone;
  }
  const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent >= 0) {
    bytes.remove_prefix(static_cast<size_t>(sent));
    return Io::kDone;
  }
  return errno == EAGAIN || errno == EINTR ? Io::kWantsWrite : Io::kClosed;
}

RedisConnection::Io RedisConnection::read_some() {
  char piece[64 * 1024];
  if (tls_) {
    ERR_clear_error();
    size_t got = 0;
    const int done = SSL_read_ex(tls_, piece, sizeof piece, &got);
    if (done != 1) return tls_result(done);
    reader_.feed({piece, got});
    return Io::kDone;
  }
  const ssize_t got = ::recv(fd_, piece, sizeof piece, 0);
  if (got > 0) {
    reader_.feed({piece, static_cast<size_t>(got)});
    return Io::kDone;
  }
  return got < 0 && (errno == EAGAIN || errno == EINTR) ? Io::kWantsRead : Io::kClosed;
}

Result<std::vector<RedisReply>> RedisConnection::exchange(std::string_view commands, size_t count,
                                                          RedisDeadline deadline) {
  std::vector<RedisReply> out;
  out.reserve(count);
  // Replies are taken while commands are still going out: else both sides could wait for each
  // other.
  while (out.size() < count || !commands.empty()) {
    short events = 0;
    if (!commands.empty()) {
      const Io wrote = write_some(commands);
      if (wrote == Io::kClosed) return broken("closed the connection");
      if (wrote == Io::kDone && !commands.empty()) events |= POLLOUT;
      if (wrote == Io::kWantsWrite) events |= POLLOUT;
    }
    for (bool more = true; more;) {
      RedisReply reply;
      const RedisReader::State state = reader_.next(reply);
      if (state == RedisReader::State::kBroken)
        return broken(fmt::format("answers what is no reply: {}", reader_.problem()));
      if (state == RedisReader::State::kReply) {
        if (out.size() == count) return broken("answers more than it was asked");
        out.push_back(std::move(reply));
        continue;
      }
      if (out.size() == count) break;
      const Io got = read_some();
      if (got == Io::kClosed) return broken("closed the connection");
      if (got == Io::kWantsWrite) events |= POLLOUT;
      more = got == Io::kDone;
    }
    if (out.size() == count && commands.empty()) break;
    if (Result<void> ready = wait(events | POLLIN, deadline); !ready) return fail(ready.error());
  }
  return out;
}

bool RedisConnection::is_stale() const {
  pollfd one{fd_, POLLIN, 0};
  return ::poll(&one, 1, 0) != 0;
}

}  // namespace winnow
