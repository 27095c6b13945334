// HTTP/1.x requests and the two older text dialects as one state machine: bytes in, requests out.
//
//   POST /checkv2 HTTP/1.1      RFC 9112; Content-Length or chunked; arguments of the target count
//                               as headers, as in Rspamd
//   CHECK RSPAMC/1.3            what Exim's `spam` condition speaks
//   PROCESS SPAMC/1.5           spamd's protocol
//
// The dialect is told by the first line. In the older two a body without Content-length ends where
// the client stops sending (end_of_input). One request at a time: what follows is kept, to a bound.
//
// What could be read in two ways is refused and the connection closed: Content-Length beside
// Transfer-Encoding, two lengths that differ, a length that is not digits, blanks before a colon,
// folded headers (RFC 9112 5.1, 5.2, 6.3).
//
// A sealed request (httpcrypt.h) is opened once it is whole, and what it holds is read by a session
// of its own, which must find one request there and nothing behind it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ingest/http/httpcrypt.h"
#include "ingest/session.h"
#include "pipeline/message.h"

namespace winnow {

struct HttpLimits {
  size_t head_max = 1u << 20;     // some of it ten thousand recipients
  size_t headers_max = 1000;      // beside Rcpt
  size_t line_max = 64 * 1024;    // of chunks; of the trailer; of the head beside Rcpt
  size_t body_max = 64u << 20;    // as sent, and as decompressed
  size_t pending_max = 1u << 20;  // kept while an answer is awaited
  bool controller = false;        // its paths, and no older dialects
  // The Date of answers (RFC 9110 6.6.1); null: they have none.
  std::string (*date)() = nullptr;
  std::shared_ptr<const HttpKeys> keys = nullptr;  // null: sealed requests are not understood
  bool sealed_only = false;  // mail in the clear is refused; who only asks for health is not
};

enum class Dialect : uint8_t { kHttp, kRspamc, kSpamc };

enum class HttpCommand : uint8_t {
  kNone,  // not known
  kCheckV2,
  kCheck,    // legacy: the symbols in the "default" metric
  kSymbols,  // RSPAMC, SPAMC: names; HTTP: as kCheck
  kProcess,
  kHeaders,
  kReport,
  kReportIfSpam,
  kSkip,
  kPing,
  kStat,
  kTell,  // SPAMC: learn or forget
  kMetrics,
  // The controller's.
  kAuth,
  kErrors,
  kLearnSpam,
  kLearnHam,
  kLearnClass,
  kHealthy,
  kReady,
  kClassifiers,
  kOptions,  // the method: what a browser asks before it sends a password
  kNotFound,
};

struct HttpRequest {
  Dialect dialect = Dialect::kHttp;
  HttpCommand command = HttpCommand::kNone;
  bool keep_alive = false;
  bool head_only = false;            // HEAD
  bool no_log = false;               // Log: no, or flag no_log
  bool no_stat = false;              // flag: not counted
  bool skip = false;                 // flag: not scanned
  bool groups = false;               // flag: the answer sums up by group
  bool extended_urls = false;        // URL-Format: extended, or flag ext_urls
  bool unknown_compression = false;  // Compression: gzip; Compress: bzip2
  bool body_elsewhere = false;       // File, Path or Shm name the message
  bool unscanned = false;            // nothing to scan: an empty body, or flag skip
  bool zstd_body = false;            // Compression or Content-Encoding: zstd
  bool zlib_body = false;            // Compress: zlib, of spamd's protocol
  bool packed = false;               // its body waits to be unpacked
  std::string date;                  // of the answer
  std::string version;               // of an older dialect: "1.3"
  std::string password;              // of the controller's clients
  // Headers of a proxy in front, there even where they are empty: X-Forwarded-For (lines joined by
  // commas), X-Real-IP.
  std::optional<std::string> forwarded_for, real_ip;
  bool zstd_reply = false;          // Accept-Encoding: zstd
  std::optional<SharedKey> sealed;  // by which it was opened, and its answer is sealed
  uint32_t other_headers = 0;       // that mean nothing to us
  Message envelope;                 // without bytes
};

// A body as it came packed, and what it may have unpacked at most.
struct PackedBody {
  std::string bytes;
  bool zlib = false;  // else zstd
  size_t max = 0;
};
// Takes as long as it has bytes: not where others wait. False: it is damaged or too large, and
// `what` says which.
bool unpack(const PackedBody& body, std::string& out, std::string& what);
// Bytes that it becomes at most: what it says in front, else its `max`.
size_t unpacked_size(const PackedBody& body);

class HttpSession {
 public:
  explicit HttpSession(const HttpLimits& limits = {}) : limits_(limits) {}

  SessionWant feed(std::string_view bytes, std::string& out);
  // The client will send nothing more.
  SessionWant end_of_input(std::string& out);
  const HttpRequest& request() const { return request_; }
  // REQUIRED: the session wants a verdict.
  Message take_message();
  // Of a page whose request is packed: its body, to be unpacked before anything is made of it; then
  // one of the two that follow.
  PackedBody take_packed();
  void unpacked(std::string&& body);
  void refuse_packed(std::string_view what, std::string& out);
  // What was refused since it was asked last.
  Refusal take_refusal() { return std::exchange(refusal_, {}); }
  // The answer that comes next is the last one here.
  void close_after_answer() { request_.keep_alive = false; }
  // The answer was put out: goes on with what came meanwhile.
  SessionWant answered(std::string& out);
  size_t held_bytes() const { return buffer_.size() + body_.size() + head_bytes_; }

 private:
  // Of what was sealed with `key`.
  HttpSession(const HttpLimits& limits, const SharedKey& key) : limits_(limits), sealed_by_(key) {
    request_.sealed = key;
  }

  enum class State : uint8_t { kHead, kLength, kChunkSize, kChunk, kChunkEnd, kTrailer, kToEnd };
  SessionWant run(std::string_view bytes, std::string& out);
  SessionWant head(std::string& out);
  SessionWant first_line(std::string_view line, std::string& out);
  bool header(std::string_view name, std::string_view value);
  void target(std::string_view target);
  void flags(std::string_view list);
  SessionWant chunk_size(std::string& out);
  SessionWant complete(std::string& out);
  SessionWant open(std::string& out);
  SessionWant judge(std::string& out);
  void done();
  size_t body_limit() const;
  SessionWant refuse(int code, std::string_view what, std::string& out);
  bool take_line(std::string_view& line);

  const HttpLimits limits_;
  const std::optional<SharedKey> sealed_by_;
  State state_ = State::kHead;
  SessionWant want_ = SessionWant::kBytes;
  bool more_ = true;     // the step used something: another may follow
  bool ended_ = false;   // end_of_input
  std::string buffer_;   // what came and is not done
  std::string_view in_;  // of run(): what it goes through
  size_t at_ = 0;        // what of that is done
  size_t searched_ = 0;  // for the end of the head

  HttpRequest request_;
  bool has_length_ = false, chunked_ = false;
  bool http11_ = false, expects_continue_ = false;
  Refusal refusal_;
  size_t head_bytes_ = 0;  // of the request's head, until its message is taken or it is answered
  std::string key_;        // the value of `Key`, where there are keys
  uint64_t left_ = 0;      // of the body or chunk
  std::string body_;
};

// Decompresses one or more zstd frames. Empty where they are damaged or hold over `max` bytes;
// `what` then says which.
bool unpack_zstd(std::string_view packed, size_t max, std::string& out, std::string& what);
// The same of zlib's format (RFC 1950).
bool unpack_zlib(std::string_view packed, size_t max, std::string& out, std::string& what);

}  // namespace winnow
