#include "ingest/milter/protocol.h"

#include <algorithm>
#include <utility>

#include "engine/ascii.h"
#include "engine/mime/ip.h"
#include "ingest/envelope_address.h"

namespace winnow {

namespace {

constexpr size_t kPacketMax = 131072;
constexpr uint32_t kNoReplies = 0xff080;  // SMFIP_NR_*
constexpr uint32_t kLeadingSpace = 0x100000;
constexpr uint32_t kBody256K = 0x10000000, kBody1M = 0x20000000;  // SMFIP_MDS_*
constexpr uint32_t kActions = 0x1ff;
constexpr size_t kArgumentBytesMax = 64 * 1024;
constexpr size_t kMacroBytesMax = 64 * 1024;
constexpr std::string_view kHttpStart = "GET ";
constexpr size_t kHttpHeadMax = 4096;
constexpr std::string_view kTooLarge = "message is too large";

// Macros that a scanner's request holds as headers.
constexpr std::pair<std::string_view, std::string_view> kHeaderMacros[] = {
    {"user-agent", "v"},       {"tls-cipher", "cipher"},           {"tls-version", "tls_version"},
    {"mailer", "rcpt_mailer"}, {"tls-cert-issuer", "cert_issuer"},
};

uint32_t be32(std::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

void append_be32(uint32_t value, std::string& out) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

// Takes a field that ends in NUL off the front of `data`; false where there is none.
bool take_field(std::string_view& data, std::string_view& field) {
  const size_t nul = data.find('\0');
  if (nul == std::string_view::npos) return false;
  field = data.substr(0, nul);
  data.remove_prefix(nul + 1);
  return true;
}

// MTAs send the folds of a header as bare LF. They were CRLF on the wire, and signatures cover
// them.
void append_folded(std::string_view value, std::string& out) {
  for (size_t at = 0; at < value.size();) {
    const size_t end = std::min(value.find('\n', at), value.size());
    out.append(value, at, end - at);
    at = end + 1;
    if (end == value.size()) break;
    out.append(end > 0 && value[end - 1] == '\r' ? "\n" : "\r\n");
  }
}

// The bit that switches the reply to a command off; 0 where there never is one.
uint32_t no_reply_bit(char name, uint32_t version) {
  switch (name) {
    case 'L':
      return 0x80;
    case 'C':
      return 0x1000;
    case 'H':
      return 0x2000;
    case 'M':
      return 0x4000;
    case 'R':
      return 0x8000;
    case 'T':
      return version >= 4 ? 0x10000 : 0;
    case 'U':
      return version >= 3 ? 0x20000 : 0;
    case 'N':
      return 0x40000;
    case 'B':
      return 0x80000;
    default:
      return 0;
  }
}

}  // namespace

void SeenHeaders::add(std::string_view name) {
  ++counts_[lowered(name)];
  ++all_;
}

void SeenHeaders::clear() {
  counts_.clear();
  all_ = 0;
}

uint32_t SeenHeaders::count(std::string_view name) const {
  const auto found = counts_.find(lowered(name));
  return found == counts_.end() ? 0 : found->second;
}

MilterSession::MilterSession(const MilterLimits& limits)
    : limits_(limits), packet_max_(kPacketMax) {}

SessionWant MilterSession::feed(std::string_view bytes, std::string& out) {
  if (want_ == SessionWant::kClose) return want_;
  buffer_.append(bytes);
  if (want_ == SessionWant::kVerdict) {
    // An MTA waits for the answer; who does not is held to a bound.
    if (buffer_.size() - at_ <= limits_.pending_max) return want_;
    refuse("too much is sent before the verdict");
    return want_ = SessionWant::kClose;
  }
  return want_ = run(out);
}

SessionWant MilterSession::answered(std::string& out) {
  if (want_ != SessionWant::kVerdict) return want_;
  forget_message();
  return want_ = run(out);
}

SessionWant MilterSession::run(std::string& out) {
  if (mode_ == Mode::kFirstBytes) {
    const size_t n = std::min(buffer_.size(), kHttpStart.size());
    if (std::string_view(buffer_).substr(0, n) == kHttpStart.substr(0, n)) {
      if (n < kHttpStart.size()) return SessionWant::kBytes;
      return http(out);
    }
    mode_ = Mode::kPackets;
  }
  SessionWant want = SessionWant::kBytes;
  while (want == SessionWant::kBytes && buffer_.size() - at_ >= 4) {
    const std::string_view rest = std::string_view(buffer_).substr(at_);
    const uint32_t length = be32(rest);
    if (length == 0 || length > packet_max_) {
      refuse("bad length of a packet");
      return SessionWant::kClose;
    }
    if (rest.size() < 4 + size_t{length}) break;
    const char name = rest[4];
    const std::string_view data = rest.substr(5, length - 1);
    at_ += 4 + size_t{length};
    if (name == 'Q') {
      want = SessionWant::kClose;
    } else if (!command(name, data, out)) {
      if (refusal_.empty()) refuse("bad packet");
      want = SessionWant::kClose;
    } else if (name == 'E') {
      want = SessionWant::kVerdict;
    }
  }
  buffer_.erase(0, at_);
  at_ = 0;
  return want;
}

SessionWant MilterSession::http(std::string& out) {
  // What stands behind the limit may be here or still to come: it is not looked at.
  const std::string_view head = std::string_view(buffer_).substr(0, kHttpHeadMax);
  const bool whole = head.find("\r\n\r\n") != head.npos || head.find("\n\n") != head.npos;
  if (!whole && buffer_.size() < kHttpHeadMax) return SessionWant::kBytes;
  if (whole && (buffer_.starts_with("GET /ping ") || buffer_.starts_with("GET /ping\r")))
    out += "HTTP/1.1 200 OK\r\nConnection: close\r\nServer: winnow/" WINNOW_VERSION
           " (milter mode)\r\nContent-Length: 6\r\nContent-Type: text/plain\r\n\r\npong\r\n";
  else
    refuse("HTTP where milter is spoken");
  return SessionWant::kClose;
}

bool MilterSession::command(char name, std::string_view data, std::string& out) {
  if (!take(name, data, out)) return false;
  const uint32_t bit = no_reply_bit(name, agreement_.version);
  if (bit != 0 && !(agreement_.protocol & bit)) {
    append_be32(1, out);
    out.push_back('c');
  }
  return true;
}

bool MilterSession::take(char name, std::string_view data, std::string& out) {
  std::string_view field;
  switch (name) {
    case 'O':
      return negotiate(data, out);
    case 'D':
      return macros(data);
    case 'C':
      return connect(data);
    case 'H':
      if (!take_field(data, field)) return false;
      helo_ = field;
      return true;
    case 'M':
      if (!take_field(data, field)) return false;
      from_ = envelope_address(field);
      from_known_ = true;
      add_arguments(data, "x-rspamd-mail-esmtp-args", "");
      return true;
    case 'R':
      return recipient(data);
    case 'L':
      return header(data);
    case 'N':
      return body("\r\n");
    case 'B':
    case 'E':
      return body(data);
    case 'A':
      forget_message();
      return true;
    case 'K':
      forget_connection();
      return true;
    case 'T':
    case 'U':
      return true;
    default:
      return refuse("unknown command");
  }
}

bool MilterSession::negotiate(std::string_view data, std::string& out) {
  if (data.size() < 12) return false;
  const uint32_t version = be32(data), actions = be32(data.substr(4));
  const uint32_t offered = be32(data.substr(8));
  if (version < 2) return false;
  agreement_ = {.version = std::min(version, 6u), .actions = actions & kActions, .protocol = 0};
  // Before version 6 only the reply to headers could be switched off.
  agreement_.protocol = offered & (version < 6 ? 0x80 : kNoReplies);
  packet_max_ = kPacketMax;
  if (version >= 6) {
    if (limits_.leading_space) agreement_.protocol |= offered & kLeadingSpace;
    const uint32_t pieces = offered & kBody1M ? kBody1M : offered & kBody256K;
    agreement_.protocol |= pieces;
    if (pieces != 0) packet_max_ = (pieces == kBody1M ? 1u << 20 : 1u << 18) + 1;
  }
  agreement_.leading_space = agreement_.protocol & kLeadingSpace;
  append_be32(13, out);
  out.push_back('O');
  append_be32(agreement_.version, out);
  append_be32(agreement_.actions, out);
  append_be32(agreement_.protocol, out);
  return true;
}

bool MilterSession::macros(std::string_view data) {
  if (data.empty()) return false;
  data.remove_prefix(1);  // the command that the macros belong to
  while (!data.empty()) {
    std::string_view name, value;
    if (!take_field(data, name) || !take_field(data, value)) return false;
    if (name.size() >= 2 && name.front() == '{' && name.back() == '}')
      name = name.substr(1, name.size() - 2);
    const std::string key = lowered(name);
    const auto found = macros_.find(key);
    const size_t old = found == macros_.end() ? 0 : key.size() + found->second.size();
    const size_t fresh = key.size() + value.size();
    if (found == macros_.end() && macros_.size() >= limits_.macros_max) continue;
    if (macro_bytes_ - old + fresh > kMacroBytesMax) continue;
    macro_bytes_ += fresh - old;
    macros_[key] = value;
  }
  return true;
}

std::string_view MilterSession::macro(std::string_view name) const {
  const auto found = macros_.find(name);
  return found == macros_.end() ? std::string_view() : found->second;
}

bool MilterSession::connect(std::string_view data) {
  std::string_view host;
  if (!take_field(data, host) || data.empty()) return false;
  host_ = host;
  ip_ = {};
  const char family = data[0];
  data.remove_prefix(1);
  if (family == 'U') return true;
  if (family != '4' && family != '6' && family != 'L') return false;
  std::string_view address;
  if (data.size() < 2) return false;
  data.remove_prefix(2);
  if (!take_field(data, address)) return false;
  if (family == 'L') {  // who comes by a local socket is of this machine, as by loopback
    ip_ = parse_ip("127.0.0.1").value();
    return true;
  }
  if (starts_caseless(address, "ipv6:")) address.remove_prefix(5);
  if (const std::optional<IpAddress> ip = parse_ip(address)) ip_ = *ip;
  return true;
}

bool MilterSession::recipient(std::string_view data) {
  std::string_view address;
  if (!take_field(data, address)) return false;
  if (recipients_.size() >= limits_.recipients_max) return refuse("too many recipients");
  if (recipients_.empty()) envelope_news_ = true;
  recipients_.push_back(envelope_address(address));
  add_arguments(data, "x-rspamd-rcpt-esmtp-args", std::to_string(recipients_.size() - 1) + ":");
  return true;
}

// ESMTP arguments as the request headers that Rspamd's proxy makes of them.
void MilterSession::add_arguments(std::string_view data, std::string_view name,
                                  std::string_view before) {
  std::string_view one;
  while (take_field(data, one)) {
    if (one.empty() || argument_bytes_ + one.size() > kArgumentBytesMax) continue;
    argument_bytes_ += one.size() + name.size();
    arguments_.emplace_back(name, std::string(before) + std::string(one));
  }
}

bool MilterSession::header(std::string_view data) {
  std::string_view name, value;
  if (!take_field(data, name) || !take_field(data, value)) return false;
  const auto folds = static_cast<size_t>(std::count(value.begin(), value.end(), '\n'));
  if (body_.size() + name.size() + value.size() + folds + 4 > limits_.body_max)
    return refuse(kTooLarge);
  body_.append(name).append(agreement_.leading_space ? ":" : ": ");
  append_folded(value, body_);
  body_.append("\r\n");
  seen_.add(name);
  return true;
}

bool MilterSession::body(std::string_view data) {
  if (body_.size() + data.size() > limits_.body_max) return refuse(kTooLarge);
  body_.append(data);
  return true;
}

Message MilterSession::envelope(std::string_view client_ca) const {
  Message message;
  if (from_known_) message.from = from_;
  message.recipients = recipients_;
  message.recipients_known = true;
  message.helo = helo_;
  message.hostname =
      host_.empty() || host_ == "unknown" ? std::string(macro("client_name")) : host_;
  if (message.hostname.empty()) message.hostname = host_;
  message.user = macro("auth_authen");
  message.queue_id = macro("i");
  message.mta_name = macro("daemon_name");
  if (message.mta_name.empty()) message.mta_name = macro("j");
  message.ip = ip_;
  if (!client_ca.empty() && macro("cert_issuer") == client_ca) message.user = macro("cert_subject");
  return message;
}

Message MilterSession::take_message(std::string_view client_ca) {
  Message message = envelope(client_ca);
  message.bytes = MessageBytes::of(std::exchange(body_, {}));
  message.request_headers = std::move(arguments_);
  for (const auto& [header, name] : kHeaderMacros)
    if (const std::string_view value = macro(name); !value.empty())
      message.request_headers.emplace_back(header, value);
  note_nameless(message);
  return message;
}

void MilterSession::forget_message() {
  from_known_ = false;
  envelope_news_ = false;
  from_.clear();
  recipients_.clear();
  body_.clear();
  seen_.clear();
  arguments_.clear();
  argument_bytes_ = 0;
}

void MilterSession::forget_connection() {
  forget_message();
  host_.clear();
  helo_.clear();
  ip_ = {};
  macros_.clear();
  macro_bytes_ = 0;
}

}  // namespace winnow
