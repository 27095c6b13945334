// A message on its way through the flow: owned bytes and what came with them.
#pragma once

#include <cstdint>
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
  explicit MessageBytes(std::string_view bytes) {
    data_.reserve(bytes.size() + Batch::kPadding);
    data_.append(bytes);
    data_.append(Batch::kPadding, '\0');
  }
  // Takes the memory as well, unless much of it is unused: what a message holds is counted by its
  // size. Who reserves kPadding more than the message spares it a copy.
  static MessageBytes of(std::string&& bytes) {
    if (bytes.capacity() > bytes.size() + bytes.size() / 8 + 2 * Batch::kPadding)
      return MessageBytes(bytes);
    MessageBytes out;
    bytes.append(Batch::kPadding, '\0');
    out.data_ = std::move(bytes);
    return out;
  }
  std::string_view view() const { return {data_.data(), size()}; }
  size_t size() const { return data_.empty() ? 0 : data_.size() - Batch::kPadding; }

 private:
  std::string data_;  // and its padding: longer than what a std::string holds in itself
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
  bool on_its_way = false;        // mail that somebody delivers or not: takes are for such alone
  std::optional<int64_t> now_ms;  // the message's own clock; else the run's
};

// Mail servers say "unknown" of a client that has no name, or give its address in brackets.
inline void note_nameless(Message& message) {
  if (message.hostname != "unknown" && !message.hostname.starts_with('[')) return;
  message.hostname.clear();
  message.request_headers.emplace_back("hostname", "unknown");
}

}  // namespace winnow
