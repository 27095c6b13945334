// What a connection's protocol wants next. Sessions are state machines without sockets.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace winnow {

enum class SessionWant : uint8_t {
  kBytes,    // feed() more
  kVerdict,  // take_message(), put the answer out, then answered(); feed() keeps what comes
  kPage,     // HTTP: put out the page that request() names, then answered()
  kClose,    // send what was put out, then close
};

// What a session did not take.
struct Refusal {
  std::string_view why;        // a literal; empty: nothing was refused
  std::string queue_id;        // of the message, where there was one
  std::string_view more = {};  // a literal, for the log
};

}  // namespace winnow
