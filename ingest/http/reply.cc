#include "ingest/http/reply.h"

#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>

#include "engine/ascii.h"
#include "engine/score/render.h"
#include "ingest/http/edits.h"

namespace winnow {

namespace {

std::string_view status_text(int code) {
  switch (code) {
    case 200:
      return "OK";
    case 413:
      return "Request entity too large";
    default:
      return {};
  }
}

void response(const HttpRequest& request, int code, std::string_view phrase, std::string_view type,
              std::string_view body, std::string& out) {
  render_response(request, {.code = code, .phrase = phrase, .type = type}, body, out);
}

// `coding`: headers of a packed body; `size`: bytes of the body.
void append_head(const HttpRequest& request, const ResponseHead& head, std::string_view coding,
                 size_t size, std::string& out) {
  fmt::format_to(
      std::back_inserter(out),
      "HTTP/1.1 {} {}\r\nConnection: {}\r\nServer: winnow/{}\r\n{}{}{}{}{}Content-Length: "
      "{}\r\nContent-Type: {}\r\n\r\n",
      head.code, head.phrase, request.keep_alive ? "keep-alive" : "close", WINNOW_VERSION,
      request.date.empty() ? "" : "Date: ", request.date, request.date.empty() ? "" : "\r\n",
      head.headers, coding, size, head.type);
}

const Symbol& symbol_of(const LiveRules& live, const VerdictSymbol& one) {
  return live.rules->model.symbols[index(one.symbol)];
}

bool is_hidden(const LiveRules& live, const VerdictSymbol& one) {
  return one.removed || symbol_of(live, one).flags & static_cast<uint16_t>(SymbolFlag::kHidden);
}

const Action& action_of(const LiveRules& live, const Verdict& verdict) {
  return live.rules->model.actions[index(verdict.action)];
}

std::string_view action_name(const LiveRules& live, const Verdict& verdict) {
  return action_of(live, verdict).name;
}

// `15.00`; without any threshold 0.00.
std::string score_text(Micro score) {
  std::string text;
  append_score(score == kNoThreshold ? 0 : score, text);
  return text;
}

std::string one_line(std::string_view text) {
  std::string line(text);
  for (char& c : line)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return line;
}

void append_names(const Scanned& scanned, std::string_view between, std::string& out) {
  bool first = true;
  for (const VerdictSymbol& one : scanned.one.verdict.symbols) {
    if (is_hidden(scanned.live, one)) continue;
    if (!first) out += between;
    first = false;
    out += symbol_of(scanned.live, one).name;
  }
}

// Folds of headers end lines as the message does.
std::vector<Edit> edits_of(const Case& one) {
  std::vector<Edit> edits = one.verdict.edits;
  if (one.evidence.facts.newlines != Newlines::kCrLf) return edits;
  for (Edit& edit : edits) edit.value = with_crlf(edit.value);
  return edits;
}

void append_edits(std::string_view key, const Scanned& scanned, std::string& body) {
  const Case& one = scanned.one;
  const std::string_view fate = fate_of(action_of(scanned.live, one.verdict));
  if (one.verdict.edits.empty() && fate.empty()) return;
  const std::vector<Edit> edits = edits_of(one);
  append_signatures(edits, ",\"dkim-signature\":", body);
  const auto is_other = [](const Edit& edit) { return edit.kind != EditKind::kSignature; };
  if (!std::ranges::any_of(edits, is_other) && fate.empty()) return;
  body += key;
  append_milter_object(edits, fate, body);
}

void append_scan_time(const Scanned& scanned, std::string& body) {
  fmt::format_to(std::back_inserter(body), ",\"time_real\":{}.{:06}", scanned.scan_us / 1'000'000,
                 scanned.scan_us % 1'000'000);
}

// By group what its symbols gave.
void append_groups(const Scanned& scanned, std::string& body) {
  const ScoreModel& model = scanned.live.rules->model;
  std::vector<Micro> sums(model.groups.size(), 0);
  std::vector<bool> hit(model.groups.size(), false);
  for (const VerdictSymbol& one : scanned.one.verdict.symbols) {
    if (is_hidden(scanned.live, one)) continue;
    for (const GroupId group : symbol_of(scanned.live, one).groups) {
      sums[index(group)] += shown_score(one);
      hit[index(group)] = true;
    }
  }
  body += ",\"groups\":{";
  bool first = true;
  for (size_t i = 0; i < sums.size(); ++i) {
    if (!hit[i]) continue;
    if (!first) body += ',';
    first = false;
    append_json_string(model.groups[i].name, body);
    body += ":{\"score\":";
    append_json_score(sums[i], body);
    if (!model.groups[i].description.empty()) {
      body += ",\"description\":";
      append_json_string(model.groups[i].description, body);
    }
    body += '}';
  }
  body += '}';
}

std::string_view message_id(const Scanned& scanned) {
  const std::string_view id = scanned.one.evidence.message_id;
  return id.empty() ? "undef" : id;
}

UrlForm url_form(const HttpRequest& request) {
  return request.extended_urls ? UrlForm::kExtended : UrlForm::kHosts;
}

// The older JSON: what /checkv2 has in "symbols" is inside "default", beside its fields.
void append_legacy(const HttpRequest& request, const Scanned& scanned, std::string& body) {
  const Verdict& verdict = scanned.one.verdict;
  const RenderPlan& plan = scanned.live.render;
  body += fmt::format("{{\"default\":{{\"is_spam\":{},\"is_skipped\":{},\"score\":",
                      is_spam(scanned.live, verdict), was_skipped(verdict));
  append_json_score(verdict.score, body);
  body += ",\"required_score\":";
  append_json_score(verdict.required, body);
  body += ",\"action\":";
  append_json_string(action_name(scanned.live, verdict), body);
  if (!verdict.subject.empty()) {
    body += ",\"subject\":";
    append_json_string(verdict.subject, body);
  }
  for (const VerdictSymbol& one : verdict.symbols) {
    if (is_hidden(scanned.live, one)) continue;
    body += ',';
    body += plan.symbol_heads[index(one.symbol)];
    append_json_score(shown_score(one), body);
    body += plan.symbol_tails[index(one.symbol)];
    for (size_t i = 0; i < one.options.size(); ++i) {
      body += i == 0 ? ",\"options\":[" : ",";
      append_json_string(one.options[i], body);
    }
    if (!one.options.empty()) body += ']';
    body += '}';
  }
  body += '}';
  append_messages(verdict, body);
  append_links(scanned.one.evidence, url_form(request), body);
  body += ",\"message-id\":";
  append_json_string(message_id(scanned), body);
  append_scan_time(scanned, body);
  append_edits(",\"rmilter\":", scanned, body);
  body += '}';
}

void append_rspamc(const HttpRequest& request, const Scanned& scanned, std::string& out) {
  const Verdict& verdict = scanned.one.verdict;
  fmt::format_to(std::back_inserter(out),
                 "RSPAMD/{} 0 EX_OK\r\nMetric: default; {}; {} / {} / 0.0\r\nAction: {}\r\n",
                 one_line(request.version), is_spam(scanned.live, verdict) ? "True" : "False",
                 score_text(verdict.score), score_text(verdict.required),
                 action_name(scanned.live, verdict));
  if (!verdict.subject.empty()) out += "Subject: " + one_line(verdict.subject) + "\r\n";
  for (const VerdictSymbol& one : verdict.symbols)
    if (!is_hidden(scanned.live, one))
      out += fmt::format("Symbol: {}({})\r\n", symbol_of(scanned.live, one).name,
                         score_text(shown_score(one)));
  if (const std::string_view text = smtp_message(verdict); !text.empty())
    out += "Message: " + one_line(text) + "\r\n";
  out += "Message-ID: " + one_line(message_id(scanned)) + "\r\n\r\n";
}

// The message as spamd's clients expect it back: edited as the verdict says, spam is marked, all
// else is byte for byte.
std::string marked_message(const Scanned& scanned, bool headers_only) {
  // What a sender wrote under these names is no word of a filter.
  constexpr std::string_view kMarks[] = {"X-Spam-Flag", "X-Spam-Status", "X-Spam-Level",
                                         "X-Spam-Report", "X-Spam-Checker-Version"};
  const Verdict& verdict = scanned.one.verdict;
  std::vector<Edit> edits;
  for (const std::string_view name : kMarks) edits.push_back({EditKind::kRemoveHeader, 0, name});
  edits.insert(edits.end(), verdict.edits.begin(), verdict.edits.end());
  const std::string bytes = apply_edits(scanned.one.message.bytes.view(), edits);
  const bool has_status = std::ranges::any_of(verdict.edits, [](const Edit& edit) {
    return edit.kind == EditKind::kAddHeader && equal_caseless(edit.name, "X-Spam-Status");
  });
  const bool spam = is_spam(scanned.live, verdict);
  std::string out = spam ? "X-Spam-Flag: YES\r\n" : "";
  if (!has_status) {
    out += fmt::format("X-Spam-Status: {}, score={} required={}\r\n\ttests=", spam ? "Yes" : "No",
                       score_text(verdict.score), score_text(verdict.required));
    append_names(scanned, ",\r\n\t", out);
    out += "\r\n";
  }
  const size_t line = bytes.find('\n');
  const bool bare = line != std::string::npos && (line == 0 || bytes[line - 1] != '\r');
  if (bare) std::erase(out, '\r');
  if (!headers_only) return out.append(bytes);
  const size_t crlf = bytes.find("\r\n\r\n"), lf = bytes.find("\n\n");
  if (crlf < lf) return out.append(bytes, 0, crlf + 4);
  return lf == std::string::npos ? out.append(bytes) : out.append(bytes, 0, lf + 2);
}

void append_spamc(const HttpRequest& request, const Scanned& scanned, std::string& out) {
  const Verdict& verdict = scanned.one.verdict;
  const bool spam = is_spam(scanned.live, verdict);
  std::string body;
  switch (request.command) {
    case HttpCommand::kSymbols:
      append_names(scanned, ",", body);
      body += "\r\n";
      break;
    case HttpCommand::kReportIfSpam:
    case HttpCommand::kReport:
      if (request.command == HttpCommand::kReportIfSpam && !spam) break;
      body =
          fmt::format("Action: {}\r\nScore: {} of {}\r\n\r\n", action_name(scanned.live, verdict),
                      score_text(verdict.score), score_text(verdict.required));
      for (const VerdictSymbol& one : verdict.symbols)
        if (!is_hidden(scanned.live, one))
          body += fmt::format("{:>6} {} {}\r\n", score_text(shown_score(one)),
                              symbol_of(scanned.live, one).name,
                              one_line(symbol_of(scanned.live, one).description));
      break;
    case HttpCommand::kProcess:
    case HttpCommand::kHeaders:
      body = marked_message(scanned, request.command == HttpCommand::kHeaders);
      break;
    default:
      break;
  }
  fmt::format_to(std::back_inserter(out),
                 "SPAMD/1.1 0 EX_OK\r\nContent-length: {}\r\nSpam: {} ; {} / {}\r\n\r\n",
                 body.size(), spam ? "True" : "False", score_text(verdict.score),
                 score_text(verdict.required));
  out += body;
}

}  // namespace

bool is_spam(const LiveRules& live, const Verdict& verdict) {
  const Action& action = live.rules->model.actions[index(verdict.action)];
  return !(action.flags & static_cast<uint8_t>(ActionFlag::kHam)) && action.name != "greylist" &&
         action.name != "soft reject";
}

void render_reply(const HttpRequest& request, const Scanned& scanned, std::string& out) {
  if (request.dialect == Dialect::kRspamc) return append_rspamc(request, scanned, out);
  if (request.dialect == Dialect::kSpamc) return append_spamc(request, scanned, out);
  constexpr size_t kUsual = 8 * 1024;  // grown to step by step, it would be copied ten times
  std::string body;
  body.reserve(kUsual);
  if (request.command == HttpCommand::kCheckV2) {
    body += '{';
    render_json_fields(scanned.live.render, scanned.one.evidence, scanned.one.verdict, body,
                       url_form(request));
    append_scan_time(scanned, body);
    if (request.groups) append_groups(scanned, body);
    append_edits(",\"milter\":", scanned, body);
    body += '}';
  } else {
    append_legacy(request, scanned, body);
  }
  response(request, 200, "OK", "application/json", body, out);
}

void render_error(const HttpRequest& request, int code, std::string_view what, std::string& out) {
  if (request.dialect == Dialect::kSpamc) {
    // One line, as spamd: what follows it would be an answer to TELL for spamc, and no error.
    out += fmt::format("SPAMD/1.0 {}: {}\r\n", code == 76 ? "76 Bad header line" : "75 EX_TEMPFAIL",
                       what);
    return;
  }
  if (request.dialect == Dialect::kRspamc) {
    out += fmt::format("RSPAMD/1.3 {} {}\r\n\r\n", code == 76 ? 76 : 75, what);
    return;
  }
  std::string body = "{\"error\":";
  append_json_string(what, body);
  body +=
      code == 503 ? ",\"error_domain\":\"task-error\"}" : ",\"error_domain\":\"protocol-error\"}";
  const std::string_view phrase = status_text(code);
  response(request, code, phrase.empty() ? one_line(what) : std::string(phrase), "application/json",
           body, out);
}

void render_ping(const HttpRequest& request, std::string& out) {
  if (request.dialect == Dialect::kSpamc) {
    out += "SPAMD/1.5 0 PONG\r\n";
  } else if (request.dialect == Dialect::kRspamc) {
    out += "RSPAMD/1.3 0 PONG\r\n";
  } else {
    response(request, 200, "OK", "text/plain", "pong\r\n", out);
  }
}

void render_skip(const HttpRequest& request, std::string& out) {
  if (request.dialect == Dialect::kHttp) {
    response(request, 200, "OK", "application/json", "{\"is_skipped\":true}", out);
  } else {
    out += request.dialect == Dialect::kSpamc ? "SPAMD/1.1 0 EX_OK\r\n\r\n"
                                              : "RSPAMD/1.3 0 EX_OK\r\n\r\n";
  }
}

void render_unscanned(const HttpRequest& request, const LiveRules& live, std::string& out) {
  const ScoreModel& model = live.rules->model;
  const bool legacy = request.command != HttpCommand::kCheckV2;
  std::string body = fmt::format("{{{}\"is_skipped\":{},\"score\":0.0,\"required_score\":",
                                 legacy ? "\"default\":{\"is_spam\":false," : "", request.skip);
  append_json_score(highest_threshold(model), body);
  body += ",\"action\":";
  append_json_string(model.actions[index(model.no_action)].name, body);
  body += legacy ? "}" : ",\"symbols\":{}";
  if (request.groups && !legacy) body += ",\"groups\":{}";
  body += ",\"messages\":{},\"time_real\":0.0}";
  response(request, 200, "OK", "application/json", body, out);
}

std::string pack_zstd(std::string_view body) {
  std::string packed(ZSTD_compressBound(body.size()), '\0');
  const size_t size = ZSTD_compress(packed.data(), packed.size(), body.data(), body.size(), 1);
  packed.resize(ZSTD_isError(size) ? 0 : size);
  return packed;
}

void render_response(const HttpRequest& request, const ResponseHead& head, std::string_view body,
                     std::string& out) {
  // Below this a frame's head and the names of the headers cost more than they save.
  constexpr size_t kPackedFrom = 1024;
  std::string packed;
  if (request.zstd_reply && body.size() >= kPackedFrom) packed = pack_zstd(body);
  const bool packs = !packed.empty() && packed.size() < body.size();
  if (packs) body = packed;
  std::string plain;  // what is sealed
  std::string& to = request.sealed ? plain : out;
  constexpr size_t kHeadUsual = 512;
  to.reserve(to.size() + kHeadUsual + body.size());
  append_head(request, head, packs ? "Compression: zstd\r\nContent-Encoding: zstd\r\n" : "",
              body.size(), to);
  if (!request.head_only) to += body;
  if (!request.sealed) return;
  std::string sealed;
  seal_freshly(*request.sealed, plain, sealed);
  // Rspamd says 200 whatever is in it.
  append_head(request, {.type = "application/octet-stream"}, "", sealed.size(), out);
  out += sealed;
}

}  // namespace winnow
