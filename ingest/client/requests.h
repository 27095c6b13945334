// What the client sends for each of its commands.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/result.h"
#include "ingest/http/httpcrypt.h"
#include "pipeline/http_call.h"

namespace winnow {

enum class ReplyKind : uint8_t { kVerdict, kFields, kStatistics, kCounters, kUptime };

struct ClientCommand {
  std::string_view name;
  std::string_view path;
  bool controls;    // of the controller (port 11334, may want a password), not of a scanner
  bool takes_mail;  // a request for each message
  ReplyKind reply;
  std::string_view text;  // one sentence
};

std::span<const ClientCommand> client_commands();
// Null where there is no such command. "learn_class:NAME" is learn_class.
const ClientCommand* find_client_command(std::string_view name);

// What people say of all messages of a run. Empty: not said.
struct ClientEnvelope {
  std::string ip, user, deliver, from, helo, hostname, queue_id, settings, log_tag;
  std::vector<std::string> recipients;
  std::vector<std::string> headers;  // NAME=VALUE, or NAME alone
  std::string password, user_agent, classifier, class_name, fuzzy_symbol;
  int64_t weight = 0, flag = 0;  // of fuzzy operations; 0: not said
  bool pass_all = false, raw = false, extended_urls = false, profile = false, zstd = false;
};

// The same call sealed for who holds a public key (HTTPCrypt); `sealed` keeps its body.
// Nothing where the key is none.
std::optional<HttpCall> sealed_call(const HttpCall& call, std::string_view their_key,
                                    SealedRequest& sealed);
// The answer that came sealed. Errors: it was not, or there is none in it.
Result<HttpReply> open_reply(const SharedKey& key, HttpReply&& reply);

// The headers of a request; values lose their control characters. `file`: the input's name.
std::vector<std::string> client_headers(const ClientCommand& command,
                                        const ClientEnvelope& envelope, std::string_view file);

// "host", "host:port", "[v6]:port", "v6", "/path/of/a/socket". `port`: where none is said.
Result<HttpServer> parse_server(std::string_view text, uint16_t port);

}  // namespace winnow
