#include "ingest/client/requests.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "rules/config/server_text.h"

namespace winnow {

namespace {

constexpr std::array kCommands{
    ClientCommand{"symbols", "/checkv2", false, true, ReplyKind::kVerdict,
                  "Scan messages and show what they hit."},
    ClientCommand{"learn_spam", "/learnspam", true, true, ReplyKind::kFields,
                  "Learn messages as spam."},
    ClientCommand{"learn_ham", "/learnham", true, true, ReplyKind::kFields,
                  "Learn messages as ham."},
    ClientCommand{"learn_class", "/learnclass", true, true, ReplyKind::kFields,
                  "Learn messages as a class: learn_class:NAME."},
    ClientCommand{"fuzzy_add", "/fuzzyadd", true, true, ReplyKind::kFields,
                  "Add hashes of messages to the fuzzy storage (-f, -w)."},
    ClientCommand{"fuzzy_del", "/fuzzydel", true, true, ReplyKind::kFields,
                  "Delete hashes of messages from the fuzzy storage (-f)."},
    ClientCommand{"stat", "/stat", true, false, ReplyKind::kStatistics, "Show statistics."},
    ClientCommand{"stat_reset", "/statreset", true, false, ReplyKind::kStatistics,
                  "Show statistics and begin them anew."},
    ClientCommand{"counters", "/counters", true, false, ReplyKind::kCounters,
                  "Show how often each symbol was hit."},
    ClientCommand{"uptime", "/auth", true, false, ReplyKind::kUptime,
                  "Show for how long it has been running."},
};

std::string header(std::string_view name, std::string_view value) {
  std::string line = fmt::format("{}: {}", name, value);
  std::ranges::replace_if(
      line, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  // libcurl drops a header without a value, unless it ends so.
  if (value.empty()) line = fmt::format("{};", name);
  return line;
}

}  // namespace

std::span<const ClientCommand> client_commands() { return kCommands; }

const ClientCommand* find_client_command(std::string_view name) {
  if (name.starts_with("learn_class:")) name = "learn_class";
  const auto at = std::ranges::find(kCommands, name, &ClientCommand::name);
  return at == kCommands.end() ? nullptr : &*at;
}

std::vector<std::string> client_headers(const ClientCommand& command,
                                        const ClientEnvelope& envelope, std::string_view file) {
  std::vector<std::string> out;
  const auto add = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) out.push_back(header(name, value));
  };
  add("User-Agent", envelope.user_agent);
  add("Content-Type", !command.takes_mail ? ""
                      : envelope.zstd     ? "application/x-compressed"
                                          : "text/plain");
  add("Password", envelope.password);
  if (command.takes_mail) {
    add("From", envelope.from);
    for (const std::string& one : envelope.recipients) add("Rcpt", one);
    add("IP", envelope.ip);
    add("Helo", envelope.helo);
    add("Hostname", envelope.hostname);
    add("User", envelope.user);
    add("Deliver-To", envelope.deliver);
    add("Queue-Id", envelope.queue_id);
    add("Settings", envelope.settings);
    add("Log-Tag", envelope.log_tag);
    add("Filename", file);
    std::vector<std::string_view> flags;
    if (envelope.pass_all) flags.push_back("pass_all");
    if (envelope.profile) flags.push_back("profile");
    add("Flags", fmt::format("{}", fmt::join(flags, ",")));
    if (envelope.raw) add("Raw", "yes");
    if (envelope.extended_urls) add("URL-Format", "extended");
    if (envelope.zstd) add("Compression", "zstd");
    add("Classifier", envelope.classifier);
    add("Class", command.name == "learn_class" ? envelope.class_name : "");
    add("Symbol", envelope.fuzzy_symbol);
    if (envelope.weight != 0) add("Weight", fmt::to_string(envelope.weight));
    if (envelope.flag != 0) add("Flag", fmt::to_string(envelope.flag));
  }
  for (const std::string& one : envelope.headers) {
    const size_t equal = one.find('=');
    out.push_back(header(one.substr(0, equal), equal == std::string::npos
                                                   ? ""
                                                   : std::string_view(one).substr(equal + 1)));
  }
  return out;
}

std::optional<HttpCall> sealed_call(const HttpCall& call, std::string_view their_key,
                                    SealedRequest& sealed) {
  std::string text = fmt::format("{} {} HTTP/1.1\r\n", call.post ? "POST" : "GET", call.path);
  for (std::string_view line : call.headers) {
    // How header() writes one without a value.
    const bool bare = line.ends_with(';') && line.find(':') == line.npos;
    if (bare) line.remove_suffix(1);
    fmt::format_to(std::back_inserter(text), "{}{}\r\n", line, bare ? ":" : "");
  }
  fmt::format_to(std::back_inserter(text), "Content-Length: {}\r\n\r\n", call.body.size());
  text += call.body;
  std::optional<SealedRequest> made = seal_request(their_key, text);
  if (!made) return std::nullopt;
  sealed = std::move(*made);
  return HttpCall{
      .post = true,
      .path = "/post",
      .headers = {"Content-Type: application/octet-stream", header("Key", sealed.key_value)},
      .body = sealed.body};
}

Result<HttpReply> open_reply(const SharedKey& key, HttpReply&& reply) {
  if (!open_sealed(key, reply.body)) return fail("the answer cannot be decrypted");
  const std::string_view text = reply.body;
  const size_t line = text.find("\r\n"), end = text.find("\r\n\r\n");
  HttpReply out;
  const std::string_view status = text.substr(0, line);  // "HTTP/1.1 200 OK"
  const std::string_view code = status.substr(std::min(status.size(), size_t{9}));
  if (end == text.npos || !status.starts_with("HTTP/1.") ||
      std::from_chars(code.data(), code.data() + code.size(), out.status).ec != std::errc())
    return fail("what was decrypted is no answer");
  out.phrase = code.substr(std::min(code.size(), size_t{4}));
  out.headers = text.substr(line + 2, end - line);
  out.body = text.substr(end + 4);
  return out;
}

Result<HttpServer> parse_server(std::string_view text, uint16_t port) {
  HttpServer server;
  server.port = port;
  if (text.starts_with('/')) {
    server.unix_path = text;
    return server;
  }
  const Result<ServerText> said = split_server(text);
  if (!said) return fail(said.error());
  if (said->more) return fail(fmt::format("\"{}\" has something behind its port", text));
  server.host = said->host;
  server.port = said->port.value_or(port);
  return server;
}

}  // namespace winnow
