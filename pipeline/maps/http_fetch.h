// Conditional GETs of many URLs at once, over HTTP and HTTPS. libcurl moves the bytes and is
// included by http_fetch.cc alone.
//
// Bounded in every direction: bytes, redirects (never from HTTPS to HTTP), time to connect, time
// without a byte, time in all, transfers at once. A server that cannot be connected to fails
// everything that waits for it at once. A body that is shorter or longer than its Content-Length,
// or whose chunks do not end, is a failure: half a list is worse than an old one.
//
// One thread owns a fetcher; wakeup() may be called by any.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/result.h"

namespace winnow {

struct FetchLimits {
  int64_t connect_timeout_ms = 5'000;
  int64_t read_timeout_ms = 10'000;    // without a byte
  int64_t total_timeout_ms = 300'000;  // of one transfer with its redirects
  size_t bytes_max = size_t{256} << 20;
  int redirects_max = 5;
  size_t at_once = 16;
  std::string ca_path;  // empty: the system's
  bool any_certificate = false;
};

struct FetchRequest {
  std::string url;
  std::string etag;                       // of the copy that is there; may be empty
  std::string last_modified;              // the same
  std::vector<std::string> headers = {};  // more of them, "Name: value"
};

struct FetchReply {
  enum class Kind : uint8_t { kBody, kSame, kFailed } kind = Kind::kFailed;
  std::string body = {};
  std::string error = {};  // a sentence without its subject: "answers 404"
  // Of the last response, as sent; without control characters.
  std::string etag = {}, last_modified = {}, cache_control = {}, expires = {}, date = {};
};

class HttpFetcher {
 public:
  using Done = std::function<void(FetchReply&&)>;

  explicit HttpFetcher(const FetchLimits& limits);
  ~HttpFetcher();  // what is under way is dropped; its `done` is not called
  // `done` is called by poll(), once.
  void start(FetchRequest request, Done done);
  bool busy() const;  // something is under way or waits
  // Moves bytes; waits up to `wait_ms` for something to do, for wakeup(), or for `fd` (-1: none)
  // to become readable.
  void poll(int wait_ms, int fd = -1);
  void wakeup();

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

// Until when a reply may be used without asking again, Unix ms: by max-age, else by Expires; 0
// where the server says nothing or asks to be asked (no-cache, no-store). RFC 9111, 4.2 and 5.2.
int64_t fresh_until(const FetchReply& reply, int64_t now_ms);
// Whether the server forbids keeping the body beyond this run (RFC 9111, 5.2.2.5).
bool forbids_storing(const FetchReply& reply);

}  // namespace winnow
