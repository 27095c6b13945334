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

// Reads the text `key`, where it is there and not null; returns what is wrong, or empty.
std::string read_text(const element& object, const char* key, std::string& text) {
  element value;
  if (object[key].get(value) != simdjson::SUCCESS || value.is_null()) return {};
  std::string_view view;
  if (value.get(view) != simdjson::SUCCESS) return fmt::format("field {} is no text", key);
  text = view;
  return {};
}

std::string read_recipients(const element& object, Message& message) {
  element value;
  if (object["rcpt"].get(value) != simdjson::SUCCESS || value.is_null()) return {};
  constexpr const char* kWrong = "field rcpt is no text and no list of texts";
  message.recipients_known = true;
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS) {
    message.recipients.emplace_back(text);
    return {};
  }
  simdjson::dom::array list;
  if (value.get(list) != simdjson::SUCCESS) return kWrong;
  for (const element item : list) {
    if (item.get(text) != simdjson::SUCCESS) return kWrong;
    message.recipients.emplace_back(text);
  }
  return {};
}

std::string read_now(const element& object, Message& message) {
  element value;
  if (object["now"].get(value) != simdjson::SUCCESS || value.is_null()) return {};
  constexpr double kSecondsMax = 253402300799;  // the year 9999
  double seconds = 0;                           // whole ones, too
  std::string_view text;
  if (value.get(seconds) == simdjson::SUCCESS) {
    if (!(seconds >= -kSecondsMax && seconds <= kSecondsMax))
      return "field now is no time: seconds since 1970 are meant";
    message.now_ms = static_cast<int64_t>(seconds * 1000);
  } else if (value.get(text) == simdjson::SUCCESS) {
    message.now_ms = parse_rfc3339(text);
    if (!message.now_ms) return fmt::format("field now is no RFC 3339 time: \"{}\"", text);
  } else {
    return "field now is neither a number of seconds nor a text";
  }
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
  std::string ip;
  element sender;
  const bool has_from = object["from"].get(sender) == simdjson::SUCCESS && !sender.is_null();
  std::string from;
  const std::pair<const char*, std::string*> texts[] = {
      {"from", &from},           {"ip", &ip},
      {"helo", &message.helo},   {"hostname", &message.hostname},
      {"user", &message.user},   {"queue_id", &message.queue_id},
      {"label", &message.label},
  };
  for (const auto& [key, to] : texts)
    if (std::string wrong = read_text(object, key, *to); !wrong.empty()) return wrong;
  if (has_from) message.from = std::move(from);
  if (!ip.empty()) {
    const std::optional<IpAddress> address = parse_ip(ip);
    if (!address) return fmt::format("field ip is no address: \"{}\"", ip);
    message.ip = *address;
  }
  if (std::string wrong = read_recipients(object, message); !wrong.empty()) return wrong;
  if (std::string wrong = read_now(object, message); !wrong.empty()) return wrong;
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
    if (number == 1 && line.starts_with("\xEF\xBB\xBF")) line.erase(0, 3);
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
