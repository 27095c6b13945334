#include "ingest/serve/tls.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

namespace winnow {

namespace {

// What OpenSSL says of its last error; its queue is empty afterwards.
std::string last_words() {
  const unsigned long code = ERR_peek_last_error();
  const char* const reason = ERR_reason_error_string(code);
  std::string text = reason ? reason : "it cannot be read";
  ERR_clear_error();
  return text;
}

}  // namespace

Result<std::shared_ptr<const TlsKeys>> TlsKeys::load(const std::string& certificate,
                                                     const std::string& key) {
  ERR_clear_error();
  std::shared_ptr<TlsKeys> keys(new TlsKeys);
  SSL_CTX* const context = keys->context_ = SSL_CTX_new(TLS_server_method());
  if (!context) return fail(fmt::format("TLS cannot be used: {}", last_words()));
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  // A key with a password would ask for it at the terminal.
  SSL_CTX_set_default_passwd_cb(context, [](char*, int, int, void*) { return 0; });
  if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1)
    return fail(fmt::format("the certificate {}: {}", certificate, last_words()));
  if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1)
    return fail(fmt::format("the key {}: {}", key, last_words()));
  if (SSL_CTX_check_private_key(context) != 1)
    return fail(fmt::format("the key {} is not that of {}: {}", key, certificate, last_words()));
  return std::shared_ptr<const TlsKeys>(std::move(keys));
}

TlsKeys::~TlsKeys() { SSL_CTX_free(context_); }

TlsStream::TlsStream(const TlsKeys& keys, int fd) : ssl_(SSL_new(keys.context_)) {
  if (!ssl_) return;
  SSL_set_fd(ssl_, fd);
  SSL_set_accept_state(ssl_);
}

TlsStream::~TlsStream() { SSL_free(ssl_); }

TlsStream::Io TlsStream::result(int done) {
  switch (SSL_get_error(ssl_, done)) {
    case SSL_ERROR_WANT_READ:
      return Io::kRead;
    case SSL_ERROR_WANT_WRITE:
      return Io::kWrite;
    case SSL_ERROR_ZERO_RETURN:
      return Io::kEnd;
    default:
      if (const unsigned long code = ERR_peek_last_error();
          !SSL_is_init_finished(ssl_) && ERR_GET_REASON(code) != SSL_R_UNEXPECTED_EOF_WHILE_READING)
        if (const char* const reason = ERR_reason_error_string(code)) failure_ = reason;
      return Io::kBroken;
  }
}

TlsStream::Io TlsStream::read(std::span<char> to, size_t& n) {
  n = 0;
  if (!ssl_) return Io::kBroken;
  // A call gives one record, of 16 KB at most.
  while (n < to.size()) {
    ERR_clear_error();
    size_t some = 0;
    const int done = SSL_read_ex(ssl_, to.data() + n, to.size() - n, &some);
    if (done != 1) {
      const Io why = result(done);
      // What came before is handed out first; the next call says the same again.
      return n > 0 && why != Io::kBroken ? Io::kDone : why;
    }
    n += some;
  }
  return Io::kDone;
}

TlsStream::Io TlsStream::write(std::string_view bytes, size_t& n) {
  n = 0;
  if (!ssl_) return Io::kBroken;
  ERR_clear_error();
  const int done = SSL_write_ex(ssl_, bytes.data(), bytes.size(), &n);
  return done == 1 ? Io::kDone : result(done);
}

bool TlsStream::pending() const { return ssl_ && SSL_has_pending(ssl_) == 1; }

void TlsStream::end() {
  if (!ssl_ || !SSL_is_init_finished(ssl_)) return;
  ERR_clear_error();
  SSL_shutdown(ssl_);
}

}  // namespace winnow
