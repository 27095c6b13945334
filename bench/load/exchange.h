// What stands on the wire for one message, in HTTP and milter, and where its answer ends.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace winnow::load {

enum class Protocol { kHttp, kMilter };

struct Answer {
  size_t bytes = 0;     // of the answer; 0 = it has not come to its end yet
  bool good = false;    // a verdict, not an error or a "try again"
  double scan_ms = -1;  // what the service says the scan took; < 0 where it does not
};

// Sent once when a connection opens; its answer is read like any other.
std::string opening(Protocol protocol);
// REQUIRED: mail is a message with LF or CRLF. The same bytes may be sent any number of times.
std::string request(Protocol protocol, std::string_view mail);
// The answer that begins where `text` begins.
Answer answer(Protocol protocol, std::string_view text);

}  // namespace winnow::load
