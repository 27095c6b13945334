#include "ingest/serve/log_line.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/mime/ip.h"
#include "ingest/http/reply.h"

namespace winnow {

namespace {

constexpr size_t kFieldMax = 256;
constexpr size_t kOptionsMax = 8;
constexpr size_t kListMax = 16;

void append_escaped(std::string_view text, std::string& out) {
  for (const char c : text.substr(0, kFieldMax)) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(c));
    else
      out.push_back(c);
  }
}

void append_field(std::string_view name, std::string_view text, std::string& out) {
  out += name;
  append_escaped(text, out);
}

void append_symbols(const Scanned& scanned, std::string& out) {
  const ScoreModel& model = scanned.live.rules->model;
  std::vector<const VerdictSymbol*> order;
  for (const VerdictSymbol& one : scanned.one.verdict.symbols)
    if (!one.removed) order.push_back(&one);
  std::ranges::stable_sort(order, [](const VerdictSymbol* a, const VerdictSymbol* b) {
    return std::abs(a->score) > std::abs(b->score);
  });
  bool first = true;
  for (const VerdictSymbol* one : order) {
    if (!first) out += ',';
    first = false;
    out += model.symbols[index(one->symbol)].name;
    out += '(';
    append_score(one->weight_removed ? 0 : one->score, out);
    out += "){";
    for (size_t i = 0; i < std::min(one->options.size(), kOptionsMax); ++i) {
      append_escaped(one->options[i], out);
      out += ';';
    }
    if (one->options.size() > kOptionsMax) out += "...;";
    out += '}';
  }
}

}  // namespace

void append_log_line(const Scanned& scanned, std::string& out) {
  const Message& message = scanned.one.message;
  const Evidence& evidence = scanned.one.evidence;
  const Verdict& verdict = scanned.one.verdict;
  const ScoreModel& model = scanned.live.rules->model;
  append_field("id: <", evidence.message_id.empty() ? "undef" : evidence.message_id, out);
  out += '>';
  if (!message.queue_id.empty()) append_field(", qid: <", message.queue_id, out), out += '>';
  if (message.ip.valid()) {
    char ip[kIpTextMax];
    out += ", ip: ";
    out.append(ip, format_ip(message.ip, ip));
  }
  if (!message.user.empty()) append_field(", user: ", message.user, out);
  if (message.from) append_field(", from: <", *message.from, out), out += '>';
  fmt::format_to(std::back_inserter(out), ", (default: {} ({}): [",
                 is_spam(scanned.live, verdict) ? 'T' : 'F',
                 model.actions[index(verdict.action)].name);
  append_score(verdict.score, out);
  out += '/';
  append_score(verdict.required == kNoThreshold ? 0 : verdict.required, out);
  out += "] [";
  append_symbols(scanned, out);
  const auto asked = std::ranges::count(evidence.questions, QuestionKind::kDns, &Question::kind);
  fmt::format_to(std::back_inserter(out), "]), len: {}, time: {}.{:03}ms, dns req: {}",
                 message.bytes.size(), scanned.scan_us / 1000, scanned.scan_us % 1000, asked);
  if (!message.recipients.empty()) {
    out += ", rcpts: <";
    for (size_t i = 0; i < std::min(message.recipients.size(), kListMax); ++i)
      append_field(i ? "," : "", message.recipients[i], out);
    out += message.recipients.size() > kListMax ? ",...>" : ">";
  }
  size_t mime = 0;
  for (const Address& address : evidence.addresses) {
    if (address.field != AddressField::kTo && address.field != AddressField::kCc) continue;
    if (mime == kListMax) break;
    append_field(mime++ == 0 ? ", mime_rcpts: <" : ",", address.address, out);
  }
  if (mime > 0) out += '>';
  if (verdict.forced_by != kNoIndex) {
    const PreResult& forced = verdict.pre_results[verdict.forced_by];
    fmt::format_to(std::back_inserter(out), ", forced: {} \"",
                   model.actions[index(forced.action)].name);
    append_escaped(forced.message, out);
    out += "\"; score=";
    if (forced.has_score)
      append_score(forced.score, out);
    else
      out += "nan";
    append_field(" (set by ", forced.module, out);
    out += ')';
  }
}

}  // namespace winnow
