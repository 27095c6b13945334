#include "rules/checks/exports/export_formats.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>

#include "engine/crypt/base64_text.h"
#include "engine/match/utf8_valid.h"
#include "engine/mime/ip.h"
#include "engine/score/render.h"

namespace winnow {

namespace {

constexpr std::string_view kUnknown = "unknown";
constexpr std::string_view kAlert =
    "From: \"Winnow\" <$mail_from>\n"
    "To: $mail_to\n"
    "Subject: Mail filter: $action\n"
    "Date: $date\n"
    "MIME-Version: 1.0\n"
    "Message-ID: <$our_message_id>\n"
    "Content-Type: text/plain; charset=utf-8\n"
    "Content-Transfer-Encoding: 8bit\n"
    "\n"
    "A message was given the action \"$action\" with a score of $score.\n"
    "\n"
    "Client:     $ip\n"
    "User:       $user\n"
    "Queue id:   $qid\n"
    "Sender:     $from\n"
    "Recipients: $rcpt\n"
    "From:       $header_from\n"
    "To:         $header_to\n"
    "Date:       $header_date\n"
    "Subject:    $header_subject\n"
    "Message-ID: $message_id\n"
    "\n"
    "$symbols\n";

using Texts = std::vector<std::string_view>;

// One line of a header or an envelope: what would end it is a blank.
std::string one_line(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7F) c = ' ';
  return out;
}

// The text as a JSON string, without asking for six times its size.
void append_json_text(std::string_view text, std::string& out) {
  constexpr size_t kPiece = 16 * 1024;
  std::string piece;
  out.reserve(out.size() + text.size() + text.size() / 8);
  out += '"';
  while (!text.empty()) {
    size_t end = std::min(kPiece, text.size());
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    piece.clear();
    append_json_string(text.substr(0, end), piece);
    out += std::string_view(piece).substr(1, piece.size() - 2);
    text.remove_prefix(end);
  }
  out += '"';
}

class Metadata {
 public:
  explicit Metadata(const ExportInput& input) : input_(input) {
    const Envelope& envelope = input.evidence.envelope;
    ip_.resize(kIpTextMax);
    ip_.resize(format_ip(envelope.ip, ip_.data()));
    for (const SymbolFact& fact : input.evidence.symbols)
      for (size_t i = 0; i < headers_.size(); ++i)
        if (fact.symbol == input.plan.header_facts[i]) headers_[i].push_back(fact.option);
  }

  std::string_view from() const {
    const Envelope& envelope = input_.evidence.envelope;
    return envelope.from_known ? envelope.from : kUnknown;
  }
  std::string_view user() const { return known(input_.evidence.envelope.user); }
  std::string_view queue_id() const { return known(input_.evidence.envelope.queue_id); }
  std::string_view ip() const { return known(ip_); }
  std::string_view subject() const { return headers_[2].empty() ? kUnknown : headers_[2].front(); }
  std::string_view message_id() const {
    return input_.evidence.message_id.empty() ? "undef" : input_.evidence.message_id;
  }
  std::string_view action() const {
    return input_.model.actions[index(input_.verdict.action)].name;
  }
  std::string_view server() const { return input_.host_name; }
  const std::array<Texts, 4>& headers() const { return headers_; }
  Texts recipients() const {
    return {input_.evidence.recipients.begin(), input_.evidence.recipients.end()};
  }

  // Calls use(symbol, score) for each that shows.
  template <class Use>
  void each_symbol(Use use) const {
    for (const VerdictSymbol& one : input_.verdict.symbols) {
      const Symbol& symbol = input_.model.symbols[index(one.symbol)];
      if (one.removed || symbol.flags & static_cast<uint16_t>(SymbolFlag::kHidden)) continue;
      use(symbol, one, one.weight_removed ? 0 : one.score);
    }
  }

  std::string symbols_json() const {
    std::string out = "[";
    each_symbol([&](const Symbol& symbol, const VerdictSymbol& one, Micro score) {
      if (out.size() > 1) out += ',';
      out += "{\"name\":";
      append_json_string(symbol.name, out);
      out += ",\"score\":";
      append_json_score(score, out);
      if (!symbol.groups.empty()) {
        const auto group_name = [&](GroupId id) { return input_.model.groups[index(id)].name; };
        out += ",\"group\":";
        append_json_string(group_name(symbol.groups.front()), out);
        out += ",\"groups\":[";
        for (const GroupId group : symbol.groups) {
          if (out.back() != '[') out += ',';
          append_json_string(group_name(group), out);
        }
        out += ']';
      }
      if (!one.options.empty()) {
        out += ",\"options\":";
        append_list({one.options.begin(), one.options.end()}, out);
      }
      out += '}';
    });
    return out += ']';
  }

  // "A(1.00) [option, option]", one a line that goes on.
  std::string symbols_text() const {
    std::string out;
    each_symbol([&](const Symbol& symbol, const VerdictSymbol& one, Micro score) {
      if (!out.empty()) out += "\n\t";
      out += symbol.name + '(';
      append_score(score, out);
      out += ')';
      for (size_t i = 0; i < one.options.size(); ++i)
        out += (i == 0 ? " [" : ", ") + one_line(one.options[i]);
      if (!one.options.empty()) out += ']';
    });
    return out;
  }

  static void append_list(const Texts& texts, std::string& out) {
    out += '[';
    for (size_t i = 0; i < texts.size(); ++i) {
      if (i > 0) out += ',';
      append_json_string(texts[i], out);
    }
    out += ']';
  }

 private:
  static std::string_view known(std::string_view text) { return text.empty() ? kUnknown : text; }

  const ExportInput& input_;
  std::string ip_;
  std::array<Texts, 4> headers_;
};

constexpr std::string_view kHeaderFields[] = {"header_from", "header_to", "header_subject",
                                              "header_date"};

// With several values each stands in a line that goes on, so that none can begin a line of its own.
std::string joined(const Texts& texts, std::string_view between) {
  if (texts.empty()) return std::string(kUnknown);
  std::string out;
  for (size_t i = 0; i < texts.size(); ++i) {
    if (i > 0) out += between;
    out += one_line(texts[i]);
  }
  return out;
}

std::string with_brackets(const std::vector<std::string>& addresses) {
  return "<" + fmt::format("{}", fmt::join(addresses, ">, <")) + ">";
}

// The value of a variable of a template; nothing where there is none of that name.
std::optional<std::string> variable(std::string_view name, const ExportRule& rule,
                                    const ExportInput& input, const Metadata& data,
                                    const std::vector<std::string>& mail_to) {
  if (name == "mail_from") return rule.mail_from;
  if (name == "mail_to") return with_brackets(mail_to);
  if (name == "date") return std::string(input.date);
  if (name == "our_message_id") return fmt::format("{}@{}", input.id, rule.helo);
  if (name == "user") return one_line(data.user());
  if (name == "ip") return std::string(data.ip());
  if (name == "qid") return one_line(data.queue_id());
  if (name == "from") return one_line(data.from());
  if (name == "rcpt") return joined(data.recipients(), ", ");
  if (name == "subject") return one_line(data.subject());
  if (name == "message_id") return one_line(data.message_id());
  if (name == "action") return std::string(data.action());
  if (name == "rspamd_server") return std::string(data.server());
  if (name == "scan_time") return fmt::format("{}", input.scan_ms);
  if (name == "fuzzy") return "";
  if (name == "symbols") return data.symbols_text();
  if (name == "score") {
    std::string out;
    append_score(input.verdict.score, out);
    return out;
  }
  for (size_t i = 0; i < std::size(kHeaderFields); ++i)
    if (name == kHeaderFields[i]) return joined(data.headers()[i], "\n\t");
  return std::nullopt;
}

bool is_word(char c) {
  return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// $name and ${name}; of a name that stands for nothing the name stays.
template <class Value>
std::string fill(std::string_view text, Value value_of) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const bool braces = text.substr(at).starts_with("${");
    const size_t begin = at + (braces ? 2 : 1);
    size_t end = begin;
    while (text[at] == '$' && end < text.size() && is_word(text[end])) ++end;
    if (text[at] != '$' || end == begin || (braces && (end == text.size() || text[end] != '}'))) {
      out += text[at++];
      continue;
    }
    const std::string_view name = text.substr(begin, end - begin);
    const std::optional<std::string> value = value_of(name);
    out += value ? *value : name;
    at = end + (braces ? 1 : 0);
  }
  return out;
}

// Whom a mail may be sent to: no blanks, brackets or controls.
bool is_address(std::string_view text) {
  return !text.empty() && std::ranges::none_of(text, [](char c) {
    return static_cast<unsigned char>(c) <= ' ' || c == '<' || c == '>' || c == 0x7F;
  });
}

std::vector<std::string> alert_recipients(const ExportRule& rule, const ExportInput& input) {
  std::vector<std::string> out = rule.mail_to;
  const auto add = [&](std::string_view address) {
    if (is_address(address) && out.size() < kExportRecipientsMax &&
        std::ranges::find(out, address) == out.end())
      out.emplace_back(address);
  };
  const Envelope& envelope = input.evidence.envelope;
  if (rule.alert_sender) add(envelope.from);
  if (rule.alert_user) add(envelope.user);
  if (rule.alert_recipients)
    for (const std::string_view one : input.evidence.recipients) add(one);
  return out;
}

// A line that does not stand in the message.
std::string boundary_for(std::string_view message, std::string_view id) {
  for (unsigned i = 0;; ++i) {
    std::string out = fmt::format("winnow-{}-{}", id, i);
    if (message.find(out) == message.npos) return out;
  }
}

ExportText multipart(const ExportInput& input) {
  const std::string boundary = boundary_for(input.message, input.id);
  ExportText out;
  out.type = fmt::format("multipart/form-data; boundary=\"{}\"", boundary);
  out.body = fmt::format(
      "--{}\r\nContent-Disposition: form-data; name=\"metadata\"\r\n"
      "Content-Type: application/json\r\n\r\n",
      boundary);
  out.body += export_json(input, false);
  out.body += fmt::format(
      "\r\n--{}\r\nContent-Disposition: form-data; name=\"message\"; filename=\"message.eml\"\r\n"
      "Content-Type: message/rfc822\r\n\r\n",
      boundary);
  out.body += input.message;
  out.body += fmt::format("\r\n--{}--\r\n", boundary);
  return out;
}

void add_headers(const ExportRule& rule, const ExportInput& input, ExportText& out) {
  const Metadata data(input);
  const auto add = [&](std::string_view name, std::string_view value) {
    out.headers.emplace_back(fmt::format("{}{}", rule.header_prefix, name), one_line(value));
  };
  std::string recipients(kUnknown);
  if (!input.evidence.recipients.empty()) {
    recipients.clear();
    Metadata::append_list(data.recipients(), recipients);
  }
  add("action", data.action());
  add("from", data.from());
  add("fuzzy", "[]");
  add("ip", data.ip());
  add("qid", data.queue_id());
  add("rcpt", recipients);
  add("rspamd_server", data.server());
  add("scan_time", fmt::format("{}", input.scan_ms));
  add("score", fmt::format("{}", static_cast<double>(input.verdict.score) / kMicro));
  add("subject", data.subject());
  add("symbols", data.symbols_json());
  add("user", data.user());
}

// Lines as SMTP has them.
std::string with_crlf(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 32);
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r')) out += '\r';
    out += text[i];
    if (text[i] == '\r' && (i + 1 == text.size() || text[i + 1] != '\n')) out += '\n';
  }
  if (!out.ends_with("\r\n")) out += "\r\n";
  return out;
}

}  // namespace

size_t ExportText::bytes() const {
  size_t out = sizeof *this + body.capacity() + type.capacity();
  for (const auto& [name, value] : headers) out += name.size() + value.size() + 64;
  for (const std::string& one : mail_to) out += one.size() + 32;
  for (const std::string& one : recipients) out += one.size() + 32;
  return out;
}

std::string export_json(const ExportInput& input, bool with_message) {
  const Metadata data(input);
  std::string out = "{";
  const auto key = [&](std::string_view name) {
    if (out.size() > 1) out += ',';
    append_json_string(name, out);
    out += ':';
  };
  const auto text = [&](std::string_view name, std::string_view value) {
    key(name);
    append_json_string(value, out);
  };
  const auto list = [&](std::string_view name, const Texts& values) {
    key(name);
    if (values.empty())
      append_json_string(kUnknown, out);
    else
      Metadata::append_list(values, out);
  };
  text("action", data.action());
  text("from", data.from());
  key("fuzzy");
  out += "[]";
  for (size_t i = 0; i < std::size(kHeaderFields); ++i) list(kHeaderFields[i], data.headers()[i]);
  text("ip", data.ip());
  text("message_id", data.message_id());
  text("qid", data.queue_id());
  list("rcpt", data.recipients());
  text("rspamd_server", data.server());
  key("scan_time");
  out += fmt::format("{}", input.scan_ms);
  key("score");
  append_json_score(input.verdict.score, out);
  text("subject", data.subject());
  key("symbols");
  out += data.symbols_json();
  text("user", data.user());
  if (with_message) {
    key("message");
    if (is_valid_utf8(input.message)) {
      append_json_text(input.message, out);
    } else {
      out += '"' + encode_base64_text(input.message) + '"';
      text("message_encoding", "base64");
    }
  }
  return out += '}';
}

ExportText write_export(const ExportRule& rule, const ExportInput& input) {
  ExportText out;
  switch (rule.format) {
    case ExportFormat::kMessage:
      out.body = input.message;
      out.mail_to = rule.mail_to;
      break;
    case ExportFormat::kEmailAlert: {
      const Metadata data(input);
      out.mail_to = alert_recipients(rule, input);
      const std::string_view text = rule.email_template.empty() ? kAlert : rule.email_template;
      out.body = fill(text, [&](std::string_view name) {
        return variable(name, rule, input, data, out.mail_to);
      });
      break;
    }
    case ExportFormat::kJson:
    case ExportFormat::kJsonWithMessage:
      out.body = export_json(input, rule.format == ExportFormat::kJsonWithMessage);
      break;
    case ExportFormat::kMultipart:
      out = multipart(input);
      break;
  }
  if (out.type.empty()) out.type = rule.mime_type;
  if (rule.backend == ExportBackend::kSendMail) out.body = with_crlf(out.body);
  if (rule.meta_headers) add_headers(rule, input, out);
  if (rule.per_recipient)
    for (const std::string_view one : input.evidence.recipients)
      if (out.recipients.size() < kExportRecipientsMax) out.recipients.emplace_back(one);
  return out;
}

}  // namespace winnow
