// A message on its way through the flow: owned bytes and what came with them.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/batch.h"

namespace winnow {

// Bytes followed by Batch::kPadding zero bytes, so that stages may read wide.
class MessageBytes {
 public:
  MessageBytes() = default;
  explicit MessageBytes(std::string_view bytes)
      : data_(std::make_unique_for_overwrite<char[]>(bytes.size() + Batch::kPadding)),
        size_(bytes.size()) {
    if (size_ > 0) std::memcpy(data_.get(), bytes.data(), size_);
    std::memset(data_.get() + size_, 0, Batch::kPadding);
  }
  std::string_view view() const { return {data_.get(), size_}; }
  size_t size() const { return size_; }

 private:
  std::unique_ptr<char[]> data_;
  size_t size_ = 0;
};

struct Message {
  MessageBytes bytes;
  std::string source;  // path, or path and position: names the message in outputs and errors
  std::string label;   // "ham", "spam", ... where the corpus says it
  // Envelope as far as it is known; absent = not known.
  std::optional<std::string> from;
  std::vector<std::string> recipients;
  bool recipients_known = false;
  std::string helo, hostname, user, queue_id, mta_name;
  std::string settings_id;  // as the request names it
  std::string file_name;    // the same; for logs
  // What a request says beyond the fields above, names in lower case; bounded by its front end.
  std::vector<std::pair<std::string, std::string>> request_headers;
  IpAddress ip;
  bool wants_links = false;       // its reply names URLs and addresses
  bool headerless = false;        // "Raw: yes": text, below no header block
  bool pass_all = false;          // as the request says: pre-results and scores skip nothing
  std::optional<int64_t> now_ms;  // the message's own clock; else the run's
};

// Mail servers say "unknown" of a client that has no name.
inline void note_nameless(Message& message) {
  if (message.hostname != "unknown") return;
  message.hostname.clear();
  message.request_headers.emplace_back("hostname", "unknown");
}

}  // namespace winnow
