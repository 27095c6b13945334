// TLS for connections of HTTP and the controller, over sockets that do not block. OpenSSL is
// included here and in tls.cc alone.
//
//   TlsKeys    a certificate with its chain and its key: immutable; a reload makes new ones, and
//              connections that are open keep those they began with
//   TlsStream  one connection's: the handshake is done by the first read. Its memory is OpenSSL's:
//              about 20 KB while it idles, for buffers are given back (SSL_MODE_RELEASE_BUFFERS)
//
// TLS 1.2 and 1.3; no renegotiation, no sessions kept here (tickets are the client's to keep).
// Where it listens: `bind_socket = "127.0.0.1:11343 ssl"`; whose keys: ssl_cert, ssl_key of that
// worker.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "engine/result.h"

struct ssl_ctx_st;
struct ssl_st;

namespace winnow {

class TlsKeys {
 public:
  // Reads PEM files: the certificate, then those of its chain; the key without a password. Errors:
  // which file, and what is wrong with it; a key that is not the certificate's.
  static Result<std::shared_ptr<const TlsKeys>> load(const std::string& certificate,
                                                     const std::string& key);
  ~TlsKeys();
  TlsKeys(const TlsKeys&) = delete;
  TlsKeys& operator=(const TlsKeys&) = delete;

 private:
  TlsKeys() = default;
  friend class TlsStream;
  ssl_ctx_st* context_ = nullptr;
};

class TlsStream {
 public:
  // What a call came to. kRead and kWrite: again, once the socket can be read or written.
  enum class Io : uint8_t { kDone, kRead, kWrite, kEnd, kBroken };

  // `fd` does not block, and is the caller's.
  TlsStream(const TlsKeys& keys, int fd);
  ~TlsStream();
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  // Fills `to` as far as there is something: kDone with n > 0; kEnd where the client said that
  // nothing follows.
  Io read(std::span<char> to, size_t& n);
  // Takes some of `bytes`, not empty; a call that is repeated gets the same bytes, wherever they
  // are by then.
  Io write(std::string_view bytes, size_t& n);
  // There may be more to read() though the socket says nothing.
  bool pending() const;
  // Why there was no handshake, in OpenSSL's words. Nothing where there was one, or the client
  // went.
  std::string_view failure() const { return failure_; }
  // Tells the client that nothing follows, where that can be done at once.
  void end();

 private:
  Io result(int done);
  ssl_st* ssl_;
  std::string_view failure_;  // a literal of the library
};

}  // namespace winnow
