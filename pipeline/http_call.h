// One HTTP request and its answer, over libcurl: what a client of the service needs.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/result.h"

namespace winnow {

struct HttpServer {
  std::string host;        // a name or an address; IPv6 with or without brackets
  uint16_t port = 0;       // REQUIRED: not 0, unless unix_path is there
  std::string unix_path;   // a socket instead of host and port
  std::string local;       // address to send from; empty: the system's choice
  double timeout_s = 120;  // of the whole request
  // Instead of host, port, socket and the path of calls: http:// or https://.
  std::string url = {};
  std::string user = {}, password = {};  // of basic authentication; both empty: none
  double connect_timeout_s = 0;          // 0: that of the whole
  bool any_certificate = false;          // of https
};

struct HttpCall {
  bool post = false;
  std::string path;                             // "/checkv2"
  std::vector<std::string> headers;             // "Name: value", without control characters
  std::string_view body;                        // of a POST; must outlive the call
  const std::atomic<bool>* given_up = nullptr;  // true: it ends, with an error, within a second
};

struct HttpReply {
  int status = 0;
  std::string phrase;   // behind the status
  std::string headers;  // as sent, lines with their ends, without the status line
  std::string body;
};

// Waits for the answer, whatever its status. Errors: nobody answers, in time or at all, or with
// more than `reply_max` bytes. Safe for threads.
Result<HttpReply> call_http(const HttpServer& server, const HttpCall& call,
                            size_t reply_max = size_t{64} << 20);

}  // namespace winnow
