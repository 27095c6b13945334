// What is said to another scanner and what it says back: a `/checkv2` request with the envelope as
// headers, an HTTP answer with Rspamd's reply (facts/network.md 2.2, 2.3). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/result.h"
#include "ingest/http/httpcrypt.h"
#include "ingest/milter/answer.h"
#include "ingest/proxy/upstream.h"
#include "pipeline/message.h"

namespace winnow {

constexpr size_t kRemoteReplyMax = 8u << 20;  // bytes of an answer

// What is sent for a message.
struct ScanRequest {
  std::string head;
  std::string_view body;         // behind it: of the message, or nothing where the head has all
  std::optional<SharedKey> key;  // opens the answer
};
// Control characters of the envelope cannot end a line. Valid as long as the message is.
ScanRequest scan_request(const Message& message, const Upstream& upstream);

// An answer that comes in pieces. kMore: not whole yet; kBroken: it will never be one.
enum class RemoteWant : uint8_t { kMore, kWhole, kBroken };
// Looks at all that came so far; `ended`: nothing follows. kWhole: `body` is a view into `bytes`,
// `code` the status.
RemoteWant look_at_reply(std::string_view bytes, bool ended, int& code, std::string_view& body);

// Puts the HTTP answer that was sealed with `key` into `sealed`, and looks at it. False where there
// is none in it, or `sealed` is none.
bool open_reply(const SharedKey& key, std::string& sealed, int& code, std::string_view& body);

// What another scanner decided, as far as an MTA is told of it.
struct RemoteReply {
  std::string action, message, subject;
  uint8_t flags = 0;  // ActionFlag bits
  std::vector<Edit> edits;
  std::optional<std::vector<SpamMark>> marks;  // of "add header", where it says which
  std::string message_id;
  std::vector<std::string> texts;  // that the edits' names view

  RemoteReply() = default;
  RemoteReply(RemoteReply&&) = default;
  RemoteReply& operator=(RemoteReply&&) = default;

  // Valid as long as this is.
  MilterReply view() const {
    MilterReply out{
        .action = action, .message = message, .subject = subject, .flags = flags, .edits = edits};
    if (marks) out.marks = *marks;
    return out;
  }
};

// Reads a `/checkv2` answer. What an MTA is told of an action is the word of `model`, this site's.
// Errors: no JSON object, no action or one that it has not, an error instead of a verdict.
Result<RemoteReply> parse_scan_reply(std::string_view json, const ScoreModel& model);

}  // namespace winnow
