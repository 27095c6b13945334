#include "ingest/proxy/wire.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <cassert>
#include <charconv>

#include "engine/ascii.h"
#include "engine/mime/ip.h"

namespace winnow {

namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

constexpr size_t kEditsMax = 10'000;

void append_header(std::string_view name, std::string_view value, std::string& out) {
  if (value.empty()) return;
  out.append(name).append(": ");
  for (const char c : value)
    out.push_back(static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c);
  out += "\r\n";
}

// Names of headers come from a configuration and from request headers that were read as tokens.
bool is_name(std::string_view name) {
  for (const char c : name)
    if (c <= 0x20 || c >= 0x7f || c == ':') return false;
  return !name.empty();
}

std::string_view text_of(const object& from, const char* key) {
  std::string_view text;
  return from[key].get(text) == simdjson::SUCCESS ? text : std::string_view();
}

// Calls `use` with the value, or with each of a list.
template <class Use>
void each(element value, Use use) {
  array list;
  if (value.get(list) != simdjson::SUCCESS) return use(value);
  for (const element one : list) use(one);
}

class EditReader {
 public:
  explicit EditReader(RemoteReply& to) : to_(to) {}

  void read(const object& milter) {
    object headers;
    if (milter["remove_headers"].get(headers) == simdjson::SUCCESS)
      for (const auto field : headers)
        each(field.value, [&](element one) {
          int64_t at = 0;
          if (one.get(at) == simdjson::SUCCESS && at >= -100'000 && at <= 100'000)
            add(EditKind::kRemoveHeader, static_cast<int32_t>(at), field.key, "");
        });
    if (milter["add_headers"].get(headers) == simdjson::SUCCESS)
      for (const auto field : headers)
        each(field.value, [&](element one) { add_header(field.key, one); });
    if (const std::string_view from = text_of(milter, "change_from"); !from.empty())
      add(EditKind::kChangeFrom, 0, {}, from);
    addresses(milter, "add_rcpt", EditKind::kAddRecipient);
    addresses(milter, "del_rcpt", EditKind::kRemoveRecipient);
    read_marks(milter);
  }

  void signature(element value) {
    int32_t at = 1;
    each(value, [&](element one) {
      std::string_view text;
      if (one.get(text) == simdjson::SUCCESS)
        add(EditKind::kSignature, at++, "DKIM-Signature", text);
    });
  }

  void add(EditKind kind, int32_t at, std::string_view name, std::string_view value) {
    if (to_.edits.size() >= kEditsMax) return;
    to_.edits.push_back({kind, at, {}, std::string(value)});
    to_.texts.emplace_back(name);
  }

 private:
  void add_header(std::string_view name, element value) {
    std::string_view text;
    int64_t order = -1;
    object both;
    if (value.get(both) == simdjson::SUCCESS) {
      text = text_of(both, "value");
      if (both["order"].get(order) != simdjson::SUCCESS || order < -100'000 || order > 100'000)
        order = -1;
      // At 0 and at 1 is before all others.
      if (order == 0) order = 1;
    } else if (value.get(text) != simdjson::SUCCESS) {
      return;
    }
    add(EditKind::kAddHeader, static_cast<int32_t>(order), name, text);
  }

  void addresses(const object& milter, const char* key, EditKind kind) {
    element value;
    if (milter[key].get(value) != simdjson::SUCCESS) return;
    each(value, [&](element one) {
      std::string_view text;
      if (one.get(text) == simdjson::SUCCESS && !text.empty()) add(kind, 0, {}, text);
    });
  }

  // A value for this service's own header, or headers by name. What is no text is an empty value.
  void read_marks(const object& milter) {
    element given;
    if (milter["spam_header"].get(given) != simdjson::SUCCESS) return;
    const auto text = [](element one) {
      std::string_view out;
      return std::string(one.get(out) == simdjson::SUCCESS ? out : std::string_view());
    };
    object headers;
    if (given.is_string()) {
      to_.marks = {SpamMark{{}, text(given)}};
    } else if (given.get(headers) == simdjson::SUCCESS) {
      to_.marks.emplace();
      for (const auto field : headers)
        if (is_name(field.key) && to_.marks->size() < kEditsMax)
          to_.marks->push_back({std::string(field.key), text(field.value)});
    }
  }

  RemoteReply& to_;
};

void append_scan_head(const Message& message, const Upstream& upstream, std::string& out) {
  fmt::format_to(
      std::back_inserter(out),
      "POST /checkv2 HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n",
      upstream.name, message.bytes.size());
  if (message.from) append_header("From", "<" + *message.from + ">", out);
  for (const std::string& one : message.recipients) append_header("Rcpt", "<" + one + ">", out);
  if (message.ip.valid()) {
    char text[kIpTextMax];
    append_header("IP", {text, format_ip(message.ip, text)}, out);
  }
  append_header("Helo", message.helo, out);
  append_header("Hostname", message.hostname, out);
  append_header("User", message.user, out);
  append_header("Queue-Id", message.queue_id, out);
  append_header("MTA-Name", message.mta_name, out);
  append_header("Settings-ID",
                upstream.settings_id.empty() ? message.settings_id : upstream.settings_id, out);
  append_header("Raw", message.headerless ? "yes" : "", out);
  append_header("Flags", "milter,body_block", out);
  for (const auto* list : {&message.request_headers, &upstream.headers})
    for (const auto& [name, value] : *list)
      if (is_name(name)) append_header(name, value, out);
  out += "\r\n";
}

}  // namespace

ScanRequest scan_request(const Message& message, const Upstream& upstream) {
  ScanRequest out;
  append_scan_head(message, upstream, out.head);
  if (upstream.key.empty()) {
    out.body = message.bytes.view();
    return out;
  }
  out.head += message.bytes.view();
  const std::optional<SealedRequest> sealed = seal_request(upstream.key, out.head);
  assert(sealed);  // read_upstream() tried the key
  out.head = fmt::format(
      "POST /post HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n"
      "Content-Type: application/octet-stream\r\nKey: {}\r\n\r\n{}",
      upstream.name, sealed->body.size(), sealed->key_value, sealed->body);
  out.key = sealed->key;
  return out;
}

bool open_reply(const SharedKey& key, std::string& sealed, int& code, std::string_view& body) {
  return open_sealed(key, sealed) && look_at_reply(sealed, true, code, body) == RemoteWant::kWhole;
}

RemoteWant look_at_reply(std::string_view bytes, bool ended, int& code, std::string_view& body) {
  if (bytes.size() > kRemoteReplyMax) return RemoteWant::kBroken;
  const size_t end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) return ended ? RemoteWant::kBroken : RemoteWant::kMore;
  std::string_view head = bytes.substr(0, end);
  const std::string_view rest = bytes.substr(end + 4);
  const auto digits = [](std::string_view text, auto& value) {
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && stop == text.data() + text.size();
  };
  if (!head.starts_with("HTTP/1.") || head.size() < 12 || !digits(head.substr(9, 3), code))
    return RemoteWant::kBroken;
  size_t length = 0;
  bool known = false;
  head.remove_prefix(std::min(head.size(), head.find("\r\n")));
  while (!head.empty()) {
    head.remove_prefix(2);
    const std::string_view line = head.substr(0, head.find("\r\n"));
    head.remove_prefix(line.size());
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) return RemoteWant::kBroken;
    const std::string_view name = line.substr(0, colon);
    std::string_view value = line.substr(colon + 1);
    while (value.starts_with(' ')) value.remove_prefix(1);
    if (equal_caseless(name, "content-length")) {
      size_t said = 0;
      if (!digits(value, said) || said > kRemoteReplyMax || (known && said != length))
        return RemoteWant::kBroken;
      length = said;
      known = true;
    } else if (equal_caseless(name, "transfer-encoding") || equal_caseless(name, "compression") ||
               equal_caseless(name, "content-encoding")) {
      return RemoteWant::kBroken;  // not asked for
    }
  }
  if (!known) length = rest.size();
  if (rest.size() < length || (!known && !ended))
    return ended ? RemoteWant::kBroken : RemoteWant::kMore;
  body = rest.substr(0, length);
  return RemoteWant::kWhole;
}

Result<RemoteReply> parse_scan_reply(std::string_view json, const ScoreModel& model) {
  simdjson::dom::parser parser;
  object root;
  const simdjson::error_code bad = parser.parse(simdjson::padded_string(json)).get(root);
  if (bad) return fail(fmt::format("no JSON object: {}", simdjson::error_message(bad)));
  if (const std::string_view error = text_of(root, "error"); !error.empty())
    return fail(fmt::format("the scanner says: {}", error));
  RemoteReply out;
  out.action = text_of(root, "action");
  if (out.action.empty()) return fail("an answer without an action");
  const auto known = [&] { return std::ranges::find(model.actions, out.action, &Action::name); };
  if (known() == model.actions.end())
    return fail(fmt::format("section actions of this site has no action \"{}\"",
                            std::string_view(out.action).substr(0, 100)));
  out.subject = text_of(root, "subject");
  out.message_id = text_of(root, "message-id");
  object messages;
  if (root["messages"].get(messages) == simdjson::SUCCESS)
    out.message = text_of(messages, "smtp_message");
  EditReader reader(out);
  std::string_view fate = text_of(root, "reject");
  object milter;
  if (root["milter"].get(milter) == simdjson::SUCCESS) {
    reader.read(milter);
    if (const std::string_view own = text_of(milter, "reject"); !own.empty()) fate = own;
    bool no_action = false;
    if (milter["no_action"].get(no_action) == simdjson::SUCCESS && no_action) {
      reader.add(EditKind::kAddHeader, -1, "X-Rspamd-Action", out.action);
      out.action = "no action";
    }
  }
  // What a refusal turns into; it says nothing of a message that is not refused.
  if (out.action == "reject" && (fate == "discard" || fate == "quarantine")) out.action = fate;
  if (const auto action = known(); action != model.actions.end())
    out.flags = action->flags & (static_cast<uint8_t>(ActionFlag::kDiscard) |
                                 static_cast<uint8_t>(ActionFlag::kQuarantine));
  element signature;
  if (root["dkim-signature"].get(signature) == simdjson::SUCCESS) reader.signature(signature);
  // Now that no text moves any more.
  for (size_t i = 0; i < out.edits.size(); ++i) out.edits[i].name = out.texts[i];
  return out;
}

}  // namespace winnow
