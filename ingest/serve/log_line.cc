#include "ingest/serve/log_line.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/crypt/hex_text.h"
#include "engine/mime/ip.h"
#include "engine/score/render.h"
#include "engine/text/utf8.h"
#include "ingest/http/reply.h"

namespace winnow {

// Bytes of one text that mail says.
constexpr size_t kFieldMax = 256;

void append_log_text(std::string_view text, std::string& out) {
  std::string_view shown = text.substr(0, kFieldMax);
  while (shown.size() < text.size() && !shown.empty() && (text[shown.size()] & 0xC0) == 0x80)
    shown.remove_suffix(1);  // not inside a character
  const auto plain = [](char c) { return c >= 0x20 && c < 0x7f; };
  if (std::ranges::all_of(shown, plain)) {
    out += shown;
    return;
  }
  const bool utf8 = is_utf8(shown);
  for (const char c : shown) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !utf8))
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", byte);
    else
      out.push_back(c);
  }
}

std::string log_tag(const Scanned& scanned) {
  std::string tag;
  append_hex(std::span(scanned.one.evidence.facts.digest).first(3), tag);
  return tag;
}

std::string log_text(std::string_view text) {
  std::string out;
  append_log_text(text, out);
  return out;
}

enum class LogField : uint8_t {
  kNone,
  kMid,
  kQid,
  kUser,
  kIp,
  kLen,
  kDnsReq,
  kSmtpFrom,
  kMimeFrom,
  kSmtpRcpt,
  kSmtpRcpts,
  kMimeRcpt,
  kMimeRcpts,
  kTimeReal,
  kTimeVirtual,
  kIsSpam,
  kAction,
  kScores,
  kSymbols,
  kSymbolsScores,
  kSymbolsParams,
  kSymbolsScoresParams,
  kGroups,
  kPublicGroups,
  kDigest,
  kFilename,
  kForcedAction,
  kSettingsId,
  kMempool,
};

namespace {

constexpr size_t kListMax = 16;
constexpr std::string_view kDefaultFormat =
    "id: <$mid>,$if_qid{ qid: <$>,}$if_ip{ ip: $,}$if_user{ user: $,}$if_smtp_from{ from: <$>,} "
    "(default: $is_spam ($action): [$scores] [$symbols_scores_params]), len: $len, time: "
    "$time_real, dns req: $dns_req, digest: <$digest>$if_smtp_rcpts{, rcpts: <$>}$if_mime_rcpts{, "
    "mime_rcpts: <$>}$if_filename{, file: $}$if_forced_action{, forced: $}$if_settings_id{, "
    "settings_id: $}";

struct FieldName {
  std::string_view name;
  LogField field;
};
constexpr FieldName kFields[] = {
    {"action", LogField::kAction},
    {"checksum", LogField::kDigest},
    {"digest", LogField::kDigest},
    {"dns_req", LogField::kDnsReq},
    {"filename", LogField::kFilename},
    {"forced_action", LogField::kForcedAction},
    {"groups", LogField::kGroups},
    {"ip", LogField::kIp},
    {"is_spam", LogField::kIsSpam},
    {"len", LogField::kLen},
    {"mempool_size", LogField::kMempool},
    {"mempool_waste", LogField::kMempool},
    {"mid", LogField::kMid},
    {"mime_from", LogField::kMimeFrom},
    {"mime_rcpt", LogField::kMimeRcpt},
    {"mime_rcpts", LogField::kMimeRcpts},
    {"public_groups", LogField::kPublicGroups},
    {"qid", LogField::kQid},
    {"scores", LogField::kScores},
    {"settings_id", LogField::kSettingsId},
    {"smtp_from", LogField::kSmtpFrom},
    {"smtp_rcpt", LogField::kSmtpRcpt},
    {"smtp_rcpts", LogField::kSmtpRcpts},
    {"symbols", LogField::kSymbols},
    {"symbols_params", LogField::kSymbolsParams},
    {"symbols_scores", LogField::kSymbolsScores},
    {"symbols_scores_params", LogField::kSymbolsScoresParams},
    {"time_real", LogField::kTimeReal},
    {"time_virtual", LogField::kTimeVirtual},
    {"user", LogField::kUser},
};

LogField field_named(std::string_view name) {
  const auto found = std::ranges::find(kFields, name, &FieldName::name);
  return found == std::end(kFields) ? LogField::kNone : found->field;
}

void append_symbols(const Scanned& scanned, bool scores, bool options, size_t options_max,
                    std::string& out) {
  const ScoreModel& model = scanned.live.rules->model;
  const std::vector<VerdictSymbol>& symbols = scanned.one.verdict.symbols;
  std::vector<const VerdictSymbol*> order;
  order.reserve(symbols.size());
  for (const VerdictSymbol& one : symbols)
    if (!one.removed) order.push_back(&one);
  std::ranges::sort(order, [&model](const VerdictSymbol* a, const VerdictSymbol* b) {
    const Micro first = std::abs(a->score), second = std::abs(b->score);
    if (first != second) return first > second;
    return model.symbols[index(a->symbol)].name < model.symbols[index(b->symbol)].name;
  });
  bool first = true;
  for (const VerdictSymbol* one : order) {
    if (!first) out += ',';
    first = false;
    out += model.symbols[index(one->symbol)].name;
    if (scores) {
      out += '(';
      append_score(shown_score(*one), out);
      out += ')';
    }
    if (!options) continue;
    out += '{';
    for (size_t i = 0; i < std::min(one->options.size(), options_max); ++i) {
      append_log_text(one->options[i], out);
      out += ';';
    }
    if (one->options.size() > options_max) out += "...;";
    out += '}';
  }
}

// By name; `all`: not public ones alone.
void append_groups(const Scanned& scanned, bool all, std::string& out) {
  const ScoreModel& model = scanned.live.rules->model;
  std::vector<Micro> sums(model.groups.size(), 0);
  std::vector<bool> hit(model.groups.size(), false);
  for (const VerdictSymbol& one : scanned.one.verdict.symbols) {
    if (one.removed) continue;
    for (const GroupId group : model.symbols[index(one.symbol)].groups) {
      sums[index(group)] += shown_score(one);
      hit[index(group)] = true;
    }
  }
  std::vector<size_t> order;
  for (size_t i = 0; i < sums.size(); ++i)
    if (hit[i] && (all || model.groups[i].is_public)) order.push_back(i);
  std::ranges::sort(order, {},
                    [&](size_t i) -> const std::string& { return model.groups[i].name; });
  bool first = true;
  for (const size_t i : order) {
    if (!first) out += ',';
    first = false;
    out += model.groups[i].name + '(';
    append_score(sums[i], out);
    out += ')';
  }
}

void append_mime(const Evidence& evidence, bool from, size_t max, std::string& out) {
  size_t n = 0;
  for (const Address& address : evidence.addresses) {
    const bool wanted =
        from ? address.field == AddressField::kFrom
             : address.field == AddressField::kTo || address.field == AddressField::kCc;
    if (!wanted || address.address.empty()) continue;
    if (n == max) {
      if (max > 1) out += ",...";
      break;
    }
    if (n++ > 0) out += ',';
    append_log_text(address.address, out);
  }
}

void append_recipients(const Message& message, size_t max, std::string& out) {
  for (size_t i = 0; i < std::min(message.recipients.size(), max); ++i) {
    if (i > 0) out += ',';
    append_log_text(message.recipients[i], out);
  }
  if (max > 1 && message.recipients.size() > max) out += ",...";
}

void append_forced(const Scanned& scanned, std::string& out) {
  const Verdict& verdict = scanned.one.verdict;
  if (verdict.forced_by == kNoIndex) return;
  const PreResult& forced = verdict.pre_results[verdict.forced_by];
  out += scanned.live.rules->model.actions[index(forced.action)].name + " \"";
  append_log_text(forced.message, out);
  out += "\"; score=";
  if (forced.has_score)
    append_score(forced.score, out);
  else
    out += "nan";
  out += " (set by ";
  append_log_text(forced.module, out);
  out += ')';
}

void append_field(LogField field, const Scanned& scanned, size_t options_max, std::string& out) {
  const Message& message = scanned.one.message;
  const Evidence& evidence = scanned.one.evidence;
  const Verdict& verdict = scanned.one.verdict;
  const auto to = std::back_inserter(out);
  switch (field) {
    case LogField::kMid:
      return append_log_text(evidence.message_id.empty() ? "undef" : evidence.message_id, out);
    case LogField::kQid:
      return append_log_text(message.queue_id, out);
    case LogField::kUser:
      return append_log_text(message.user, out);
    case LogField::kIp:
      if (message.ip.valid()) {
        char ip[kIpTextMax];
        out.append(ip, format_ip(message.ip, ip));
      }
      return;
    case LogField::kLen:
      fmt::format_to(to, "{}", message.bytes.size());
      return;
    case LogField::kDnsReq:
      fmt::format_to(to, "{}",
                     std::ranges::count(evidence.questions, QuestionKind::kDns, &Question::kind));
      return;
    case LogField::kSmtpFrom:
      if (message.from) append_log_text(*message.from, out);
      return;
    case LogField::kMimeFrom:
      return append_mime(evidence, true, 1, out);
    case LogField::kSmtpRcpt:
      return append_recipients(message, 1, out);
    case LogField::kSmtpRcpts:
      return append_recipients(message, kListMax, out);
    case LogField::kMimeRcpt:
      return append_mime(evidence, false, 1, out);
    case LogField::kMimeRcpts:
      return append_mime(evidence, false, kListMax, out);
    case LogField::kTimeReal:
    case LogField::kTimeVirtual:
      fmt::format_to(to, "{}.{:03}ms", scanned.scan_us / 1000, scanned.scan_us % 1000);
      return;
    case LogField::kIsSpam:
      if (verdict.forced_by != kNoIndex && verdict.pre_results[verdict.forced_by].ends)
        out += 'S';  // skipped, as is_skipped of a reply
      else
        out += is_spam(scanned.live, verdict) ? 'T' : 'F';
      return;
    case LogField::kAction:
      out += scanned.live.rules->model.actions[index(verdict.action)].name;
      return;
    case LogField::kScores:
      append_score(verdict.score, out);
      out += '/';
      return append_score(verdict.required == kNoThreshold ? 0 : verdict.required, out);
    case LogField::kSymbols:
      return append_symbols(scanned, false, false, options_max, out);
    case LogField::kSymbolsScores:
      return append_symbols(scanned, true, false, options_max, out);
    case LogField::kSymbolsParams:
      return append_symbols(scanned, false, true, options_max, out);
    case LogField::kSymbolsScoresParams:
      return append_symbols(scanned, true, true, options_max, out);
    case LogField::kGroups:
    case LogField::kPublicGroups:
      return append_groups(scanned, field == LogField::kGroups, out);
    case LogField::kDigest:
      return append_hex(evidence.facts.digest, out);
    case LogField::kForcedAction:
      return append_forced(scanned, out);
    case LogField::kMempool:  // there are no memory pools
      out += '0';
      return;
    case LogField::kFilename:
      return append_log_text(message.file_name, out);
    case LogField::kSettingsId:
      return append_log_text(message.settings_id, out);
    case LogField::kNone:
      return;
  }
}

bool is_name(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; }

}  // namespace

LogFormat::LogFormat() {
  std::vector<std::string> unknown;
  compile(kDefaultFormat, unknown);
}

LogFormat::LogFormat(std::string_view text, size_t options_max, std::vector<std::string>& unknown)
    : options_max_(options_max) {
  std::string line(text);
  std::erase_if(line, [](char c) { return static_cast<uint8_t>(c) < 0x20; });
  compile(line, unknown);
}

void LogFormat::compile(std::string_view text, std::vector<std::string>& unknown) {
  constexpr size_t kNotInside = SIZE_MAX;
  size_t inside = kNotInside;  // the step of the $if that is open
  const auto say = [&](std::string_view what) {
    if (steps_.empty() || steps_.back().op != Op::kText ||
        (inside != kNotInside && inside + 1 == steps_.size()))
      steps_.push_back({Op::kText, LogField::kNone, 0, {}});
    steps_.back().text += what;
  };
  for (size_t i = 0; i < text.size();) {
    if (text[i] == '}' && inside != kNotInside) {
      steps_[inside].end = static_cast<uint32_t>(steps_.size());
      steps_.push_back({Op::kText, LogField::kNone, 0, {}});
      inside = kNotInside;
      ++i;
      continue;
    }
    if (text[i] != '$') {
      say(text.substr(i, 1));
      ++i;
      continue;
    }
    const bool braced = i + 1 < text.size() && text[i + 1] == '{';
    size_t end = i + 1 + braced;
    while (end < text.size() && is_name(text[end])) ++end;
    std::string_view name = text.substr(i + 1 + braced, end - i - 1 - braced);
    if (braced && end < text.size() && text[end] == '}') ++end;
    if (name.empty() && inside != kNotInside) {
      steps_.push_back({Op::kField, steps_[inside].field, 0, {}});
    } else if (name.starts_with("if_") && inside == kNotInside && end < text.size() &&
               text[end] == '{' && field_named(name.substr(3)) != LogField::kNone) {
      inside = steps_.size();
      steps_.push_back({Op::kIf, field_named(name.substr(3)), 0, {}});
      ++end;
    } else if (const LogField field = field_named(name); field != LogField::kNone) {
      steps_.push_back({Op::kField, field, 0, {}});
    } else {
      if (!name.empty()) unknown.emplace_back(name);
      say(text.substr(i, end - i));
    }
    i = end;
  }
  if (inside != kNotInside) steps_[inside].end = static_cast<uint32_t>(steps_.size());
}

void LogFormat::append(const Scanned& scanned, std::string& out) const {
  const size_t begin = out.size();
  std::string value;
  for (size_t i = 0; i < steps_.size() && out.size() - begin <= kLogLineMax;) {
    const Step& step = steps_[i++];
    if (step.op == Op::kText) out += step.text;
    if (step.op == Op::kField) append_field(step.field, scanned, options_max_, out);
    if (step.op == Op::kIf) {
      value.clear();
      append_field(step.field, scanned, options_max_, value);
      if (value.empty()) i = step.end;
    }
  }
  if (out.size() - begin > kLogLineMax) {
    out.resize(begin + kLogLineMax - 3);
    out += "...";
  }
}

}  // namespace winnow
