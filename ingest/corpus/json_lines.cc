// JSON lines (DESIGN section 9): raw or raw_base64, from, rcpt[], ip, helo, hostname, user,
// queue_id, now (RFC 3339 or Unix seconds), label. Unknown fields are ignored.
#include <fmt/format.h>
#include <simdjson.h>

#include "engine/mime/base64.h"
#include "engine/mime/ip.h"
#include "ingest/corpus/source.h"
#include "ingest/rfc3339.h"

namespace winnow {

namespace {

using simdjson::dom::element;

std::string text_of(const element& object, const char* key) {
  std::string_view text;
  if (object[key].get(text) == simdjson::SUCCESS) return std::string(text);
  return {};
}

// Fills `message` from one JSON object; returns what is wrong, or empty.
std::string fill(const element& object, Message& message) {
  std::string_view text;
  if (object["raw"].get(text) == simdjson::SUCCESS) {
    message.bytes = MessageBytes(text);
  } else if (object["raw_base64"].get(text) == simdjson::SUCCESS) {
    Arena arena(64 * 1024);
    const DecodedBody decoded = decode_base64(text, arena);
    if (decoded.broken) return "field raw_base64 is not valid base64";
    message.bytes = MessageBytes(decoded.bytes);
  } else {
    return "has neither raw nor raw_base64";
  }
  if (object["from"].get(text) == simdjson::SUCCESS) message.from = std::string(text);
  simdjson::dom::array list;
  if (object["rcpt"].get(list) == simdjson::SUCCESS) {
    message.recipients_known = true;
    for (element item : list)
      if (item.get(text) == simdjson::SUCCESS) message.recipients.emplace_back(text);
  } else if (object["rcpt"].get(text) == simdjson::SUCCESS) {
    message.recipients_known = true;
    message.recipients.emplace_back(text);
  }
  if (object["ip"].get(text) == simdjson::SUCCESS && !text.empty()) {
    const std::optional<IpAddress> ip = parse_ip(text);
    if (!ip) return fmt::format("field ip is no address: \"{}\"", text);
    message.ip = *ip;
  }
  message.helo = text_of(object, "helo");
  message.hostname = text_of(object, "hostname");
  message.user = text_of(object, "user");
  message.queue_id = text_of(object, "queue_id");
  message.label = text_of(object, "label");
  int64_t seconds = 0;
  if (object["now"].get(seconds) == simdjson::SUCCESS) {
    message.now_ms = seconds * 1000;
  } else if (object["now"].get(text) == simdjson::SUCCESS) {
    message.now_ms = parse_rfc3339(text);
    if (!message.now_ms) return fmt::format("field now is no RFC 3339 time: \"{}\"", text);
  }
  return {};
}

}  // namespace

bool read_json_lines(const std::string& name, const ByteReader& bytes, const ReadOptions& options,
                     const ReadSink& sink) {
  simdjson::dom::parser parser;
  std::string buffer(256 * 1024, '\0');
  std::string line;
  uint64_t number = 0;
  bool skipping = false;
  const auto take = [&]() -> bool {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) return true;
    const std::string where = fmt::format("{}:{}", name, number);
    sink.progress(line.size() + 1);
    element object;
    const simdjson::error_code code = parser.parse(line).get(object);
    if (code) {
      sink.problem(where, fmt::format("is no JSON object: {}", simdjson::error_message(code)));
      return true;
    }
    Message message;
    const std::string wrong = fill(object, message);
    note_nameless(message);
    if (!wrong.empty()) {
      sink.problem(where, wrong);
      return true;
    }
    message.source = where;
    return sink.message(std::move(message));
  };
  for (;;) {
    Result<size_t> n = bytes(buffer.data(), buffer.size());
    if (!n) {
      sink.problem(fmt::format("{}:{}", name, number + 1), n.error().what);
      return true;
    }
    if (*n == 0) break;
    std::string_view chunk(buffer.data(), *n);
    while (!chunk.empty()) {
      const size_t eol = chunk.find('\n');
      const std::string_view piece = chunk.substr(0, eol);
      if (!skipping) line += piece;
      if (line.size() > options.message_bytes_max * 2) {
        sink.problem(fmt::format("{}:{}", name, number + 1), "line is over the size limit");
        skipping = true;
        line.clear();
      }
      if (eol == std::string_view::npos) break;
      if (skipping)
        ++number, skipping = false;
      else if (!take())
        return false;
      line.clear();
      chunk.remove_prefix(eol + 1);
    }
  }
  return line.empty() || skipping || take();
}

}  // namespace winnow
