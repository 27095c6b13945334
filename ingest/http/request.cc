#include "ingest/http/request.h"

#define ZLIB_CONST  // what is read is not written
#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "engine/ascii.h"
#include "engine/mime/ip.h"
#include "ingest/envelope_address.h"
#include "ingest/http/reply.h"

namespace winnow {

namespace {

constexpr size_t kRecipientsMax = 10'000;

// As rules see a request's header.
std::string_view without_brackets(std::string_view value) {
  if (value.size() >= 2 && value.front() == '<' && value.back() == '>')
    return value.substr(1, value.size() - 2);
  return value;
}

// Proxies may add lines to X-Forwarded-For: the last hop of the last one is what counts.
void add_hops(std::optional<std::string>& to, std::string_view value) {
  if (to)
    to->append(1, ',').append(value);
  else
    to.emplace(value);
}

// All digits of `base`, no sign, no overflow.
bool number(std::string_view text, int base, uint64_t& value) {
  if (text.empty()) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return error == std::errc() && end == text.data() + text.size();
}

bool is_token(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](unsigned char c) {
    return c > 0x20 && c < 0x7f &&
           std::string_view("()<>@,;:\\\"/[]?={}").find(static_cast<char>(c)) ==
               std::string_view::npos;
  });
}

struct Name {
  std::string_view name;
  HttpCommand command;
};
constexpr Name kPaths[] = {
    {"checkv2", HttpCommand::kCheckV2},     {"check", HttpCommand::kCheck},
    {"symbols", HttpCommand::kSymbols},     {"scan", HttpCommand::kCheck},
    {"process", HttpCommand::kCheck},       {"report", HttpCommand::kCheck},
    {"report_ifspam", HttpCommand::kCheck}, {"skip", HttpCommand::kSkip},
    {"ping", HttpCommand::kPing},           {"stat", HttpCommand::kStat},
    {"metrics", HttpCommand::kMetrics},
};
constexpr Name kControllerPaths[] = {
    {"checkv2", HttpCommand::kCheckV2},
    {"check", HttpCommand::kCheck},
    {"scan", HttpCommand::kCheck},
    {"ping", HttpCommand::kPing},
    {"stat", HttpCommand::kStat},
    {"metrics", HttpCommand::kMetrics},
    {"auth", HttpCommand::kAuth},
    {"errors", HttpCommand::kErrors},
    {"healthy", HttpCommand::kHealthy},
    {"ready", HttpCommand::kReady},
    {"bayes/classifiers", HttpCommand::kClassifiers},
    {"learnspam", HttpCommand::kLearnSpam},
    {"learnham", HttpCommand::kLearnHam},
    {"learnclass", HttpCommand::kLearnClass},
};
constexpr Name kWords[] = {
    {"CHECK", HttpCommand::kCheck},     {"SYMBOLS", HttpCommand::kSymbols},
    {"PROCESS", HttpCommand::kProcess}, {"HEADERS", HttpCommand::kHeaders},
    {"REPORT", HttpCommand::kReport},   {"REPORT_IFSPAM", HttpCommand::kReportIfSpam},
    {"SKIP", HttpCommand::kSkip},       {"PING", HttpCommand::kPing},
    {"TELL", HttpCommand::kTell},
};

template <size_t N>
HttpCommand find(const Name (&names)[N], std::string_view text) {
  for (const Name& one : names)
    if (one.name == text) return one.command;
  return HttpCommand::kNone;
}

// What `Flags:` may name. Those without a member change nothing here: the milter object is always
// in the answer, a verdict has no times (profile), TLS is told by its own headers, and the rest is
// for parts of Rspamd that are not here. They are known all the same.
struct FlagName {
  std::string_view name;
  bool HttpRequest::*member = nullptr;
};
constexpr FlagName kFlagNames[] = {
    {"pass_all"},     {"no_log", &HttpRequest::no_log},
    {"ssl"},          {"no_stat", &HttpRequest::no_stat},
    {"milter"},       {"skip", &HttpRequest::skip},
    {"profile"},      {"zstd", &HttpRequest::zstd_reply},
    {"body_block"},   {"groups", &HttpRequest::groups},
    {"skip_process"}, {"ext_urls", &HttpRequest::extended_urls},
};

// What means something here and is there for rules as well (selector request_header); others are
// in the envelope, belong to the connection, or are secret.
constexpr std::string_view kKeptHeaders[] = {"deliver-to", "settings-id", "user-agent", "mta-tag",
                                             "pass",       "raw",         "flags",      "log",
                                             "url-format", "filename"};

// Commands that want a message.
bool is_scan(HttpCommand command) {
  return command == HttpCommand::kCheckV2 || command == HttpCommand::kCheck ||
         command == HttpCommand::kSymbols || command == HttpCommand::kLearnSpam ||
         command == HttpCommand::kLearnHam || command == HttpCommand::kLearnClass;
}

// Commands whose body is one.
bool takes_message(HttpCommand command) {
  switch (command) {
    case HttpCommand::kProcess:
    case HttpCommand::kHeaders:
    case HttpCommand::kReport:
    case HttpCommand::kReportIfSpam:
    case HttpCommand::kTell:
      return true;
    default:
      return is_scan(command);
  }
}

bool asks_for_health(HttpCommand command) {
  return command == HttpCommand::kPing || command == HttpCommand::kHealthy ||
         command == HttpCommand::kReady;
}

// RFC 9110 12.5.3; a weight of 0 means that the coding is not taken (12.4.2).
bool accepts(std::string_view list, std::string_view coding) {
  while (!list.empty()) {
    const std::string_view one = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), one.size() + 1));
    const size_t semicolon = std::min(one.find(';'), one.size());
    if (!equal_caseless(trimmed(one.substr(0, semicolon), " \t"), coding)) continue;
    const std::string_view weight = trimmed(one.substr(semicolon), "; \t");
    return !starts_caseless(weight, "q=0") ||
           weight.find_first_not_of("0.", 2) != std::string_view::npos;
  }
  return false;
}

// What a frame says in front that it becomes; nothing where it says nothing.
std::optional<uint64_t> zstd_size(std::string_view packed) {
  const unsigned long long size = ZSTD_getFrameContentSize(packed.data(), packed.size());
  if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR) return std::nullopt;
  return size;
}

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0) {
      out.push_back(static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2])));
      i += 2;
    } else {
      out.push_back(text[i] == '+' ? ' ' : text[i]);
    }
  }
  return out;
}

}  // namespace

SessionWant HttpSession::feed(std::string_view bytes, std::string& out) {
  if (want_ == SessionWant::kClose) return want_;
  const bool waits = want_ != SessionWant::kBytes;
  if (!waits && buffer_.empty()) return want_ = run(bytes, out);
  buffer_.append(bytes);
  if (!waits) return want_ = run(buffer_, out);
  if (buffer_.size() > limits_.pending_max) want_ = SessionWant::kClose;
  return want_;
}

SessionWant HttpSession::end_of_input(std::string& out) {
  ended_ = true;
  if (want_ != SessionWant::kBytes) return want_;
  if (state_ == State::kToEnd) return want_ = complete(out);
  return want_ = SessionWant::kClose;
}

SessionWant HttpSession::answered(std::string& out) {
  if (want_ == SessionWant::kClose || want_ == SessionWant::kBytes) return want_;
  done();
  if (!request_.keep_alive || (ended_ && buffer_.empty())) return want_ = SessionWant::kClose;
  want_ = run(buffer_, out);
  if (ended_ && want_ == SessionWant::kBytes) want_ = SessionWant::kClose;
  return want_;
}

// Goes through `bytes`, which are the buffer or, where that is empty, what was just read; what is
// left of them is the buffer afterwards.
SessionWant HttpSession::run(std::string_view bytes, std::string& out) {
  in_ = bytes;
  at_ = 0;
  SessionWant want = SessionWant::kBytes;
  more_ = true;
  while (want == SessionWant::kBytes && more_) {
    more_ = false;
    const size_t have = in_.size() - at_;
    switch (state_) {
      case State::kHead:
        want = head(out);
        break;
      case State::kLength:
      case State::kChunk: {
        const size_t n = static_cast<size_t>(std::min<uint64_t>(left_, have));
        body_.append(in_, at_, n);
        at_ += n;
        left_ -= n;
        if (left_ > 0) break;
        if (state_ == State::kLength) {
          want = complete(out);
        } else {
          state_ = State::kChunkEnd;
          more_ = true;
        }
        break;
      }
      case State::kToEnd:
        if (body_.size() + have > limits_.body_max) return refuse(413, "message is too large", out);
        body_.append(in_, at_, have);
        at_ += have;
        break;
      case State::kChunkSize:
        want = chunk_size(out);
        break;
      case State::kChunkEnd:
      case State::kTrailer: {
        std::string_view line;
        if (!take_line(line)) {
          if (have > limits_.line_max) return refuse(400, "a line is too long", out);
          break;
        }
        more_ = true;
        if (state_ == State::kChunkEnd) {
          if (!line.empty()) return refuse(400, "bad chunk", out);
          state_ = State::kChunkSize;
        } else if (line.empty()) {
          want = complete(out);
        } else if ((left_ += line.size()) > limits_.line_max) {
          return refuse(400, "the trailer is too long", out);
        }
        break;
      }
    }
  }
  if (in_.data() == buffer_.data())
    buffer_.erase(0, at_);
  else
    buffer_.assign(in_.substr(at_));
  constexpr size_t kKept = 64 * 1024;  // of room for what comes next
  if (buffer_.size() < kKept / 2 && buffer_.capacity() > kKept) buffer_ = std::string(buffer_);
  in_ = {};
  return want;
}

// A line without its end; false where it is not whole yet.
bool HttpSession::take_line(std::string_view& line) {
  const size_t end = in_.find('\n', at_);
  const size_t max = state_ == State::kHead ? limits_.head_max : limits_.line_max;
  if (end == std::string::npos || end - at_ > max) return false;
  line = in_.substr(at_, end - at_);
  if (line.ends_with('\r')) line.remove_suffix(1);
  at_ = end + 1;
  return true;
}

SessionWant HttpSession::chunk_size(std::string& out) {
  std::string_view line;
  if (!take_line(line)) {
    if (in_.size() - at_ > limits_.line_max) return refuse(400, "bad chunk", out);
    return SessionWant::kBytes;
  }
  more_ = true;
  if (!number(trimmed(line.substr(0, line.find(';')), " \t"), 16, left_))
    return refuse(400, "bad chunk", out);
  if (left_ > body_limit() - body_.size()) return refuse(413, "message is too large", out);
  state_ = left_ == 0 ? State::kTrailer : State::kChunk;
  return SessionWant::kBytes;
}

// The head is looked at once it is whole: up to its first empty line.
SessionWant HttpSession::head(std::string& out) {
  while (at_ < in_.size() && searched_ == 0 && (in_[at_] == '\r' || in_[at_] == '\n'))
    ++at_;  // blank lines before a request (RFC 9112 2.2)
  size_t end = std::string::npos;
  const size_t limit = std::min(in_.size(), at_ + limits_.head_max);
  size_t i = at_ + searched_;
  for (; i < limit; ++i) {
    i = in_.find('\n', i);
    if (i >= limit || i + 1 >= in_.size()) break;
    if (in_[i + 1] == '\n') end = i + 2;
    if (in_[i + 1] == '\r' && i + 2 < in_.size() && in_[i + 2] == '\n') end = i + 3;
    if (end != std::string::npos) break;
  }
  if (end == std::string::npos) {
    if (in_.size() - at_ >= limits_.head_max + 2) return refuse(400, "the head is too long", out);
    // The last two bytes may be the start of the end.
    searched_ = in_.size() - at_ > 2 ? in_.size() - at_ - 2 : 0;
    return SessionWant::kBytes;
  }
  const size_t start = at_;
  request_ = {};
  request_.sealed = sealed_by_;
  key_.clear();
  if (limits_.date) request_.date = limits_.date();
  has_length_ = chunked_ = expects_continue_ = false;
  left_ = 0;
  searched_ = 0;
  body_.clear();
  std::string_view line;
  take_line(line);
  if (const SessionWant want = first_line(line, out); want != SessionWant::kBytes) return want;
  for (size_t n = 0, others = 0; at_ < end;) {
    take_line(line);
    if (line.empty()) break;
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon)) ||
        line.find('\0') != std::string_view::npos ||
        !header(line.substr(0, colon), trimmed(line.substr(colon + 1), " \t")))
      return refuse(400, "bad header", out);
    // Recipients have a bound of their own, with mailing lists far above that of headers.
    if (equal_caseless(line.substr(0, colon), "rcpt")) continue;
    if (++n > limits_.headers_max) return refuse(400, "too many headers", out);
    if ((others += line.size()) > limits_.line_max) return refuse(400, "the head is too long", out);
  }
  head_bytes_ = end - start;
  at_ = end;
  if (chunked_ && has_length_) return refuse(400, "both a length and chunks", out);
  if (sealed_by_)
    request_.keep_alive = false;  // as Rspamd: what follows would want a key of its own
  else if (limits_.sealed_only && key_.empty() && !asks_for_health(request_.command))
    return refuse(403, "only encrypted requests are taken here", out);
  if (left_ > body_limit()) return refuse(413, "message is too large", out);
  const bool old = request_.dialect != Dialect::kHttp;
  const bool bodiless =
      request_.command == HttpCommand::kPing || request_.command == HttpCommand::kSkip;
  state_ = chunked_                           ? State::kChunkSize
           : old && !has_length_ && !bodiless ? State::kToEnd
                                              : State::kLength;
  more_ = true;
  // Of a message that is not here yet the rest is only promised.
  constexpr uint64_t kPromised = 64 * 1024;
  if (state_ == State::kLength && left_ > 0)
    body_.reserve(std::min(left_, std::max<uint64_t>(in_.size() - at_, kPromised)) +
                  Batch::kPadding);
  // Whether the body is here already or not: what is put out does not hang on how bytes arrive.
  if (expects_continue_ && !sealed_by_ && (chunked_ || left_ > 0))
    out += "HTTP/1.1 100 Continue\r\n\r\n";
  return SessionWant::kBytes;
}

SessionWant HttpSession::first_line(std::string_view line, std::string& out) {
  http11_ = false;
  const size_t space = line.find(' ');
  if (space == std::string_view::npos) return refuse(400, "bad request line", out);
  const std::string_view method = line.substr(0, space);
  std::string_view rest = line.substr(space + 1);
  for (const auto& [prefix, dialect] :
       {std::pair{std::string_view("RSPAMC/"), Dialect::kRspamc}, {"SPAMC/", Dialect::kSpamc}}) {
    if (!rest.starts_with(prefix) || limits_.controller || sealed_by_) continue;
    request_.dialect = dialect;
    request_.version = std::string(rest.substr(prefix.size(), 8));
    request_.command = find(kWords, method);
    if (request_.command == HttpCommand::kNone) return refuse(76, "Bad header line", out);
    return SessionWant::kBytes;
  }
  const size_t last = rest.rfind(' ');
  if (last == std::string_view::npos) return refuse(400, "bad request line", out);
  const std::string_view version = rest.substr(last + 1);
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return refuse(400, "bad HTTP version", out);
  const bool options = method == "OPTIONS" && limits_.controller;
  if (method != "GET" && method != "POST" && method != "HEAD" && method != "PUT" && !options)
    return refuse(400, "invalid HTTP method", out);
  http11_ = version == "HTTP/1.1";
  request_.keep_alive = http11_;
  request_.head_only = method == "HEAD";
  target(rest.substr(0, last));
  if (options) request_.command = HttpCommand::kOptions;
  return SessionWant::kBytes;
}

// Arguments of the target are headers: /checkv2?queue-id=4ABC.
void HttpSession::target(std::string_view target) {
  if (const size_t scheme = target.find("://"); scheme != std::string_view::npos) {
    const size_t slash = target.find('/', scheme + 3);
    target = slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
  }
  target = target.substr(0, target.find('#'));
  const size_t question = target.find('?');
  std::string_view path = target.substr(0, question);
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  request_.command =
      limits_.controller ? find(kControllerPaths, lowered(path)) : find(kPaths, lowered(path));
  if (limits_.controller && request_.command == HttpCommand::kNone)
    request_.command = HttpCommand::kNotFound;
  if (question == std::string_view::npos) return;
  std::string_view arguments = target.substr(question + 1);
  for (size_t n = 0; !arguments.empty() && n < limits_.headers_max; ++n) {
    const std::string_view one = arguments.substr(0, arguments.find('&'));
    arguments.remove_prefix(std::min(arguments.size(), one.size() + 1));
    const size_t equals = one.find('=');
    const std::string name = lowered(percent_decoded(one.substr(0, equals)));
    if (equals == std::string_view::npos || name == "content-length" ||
        name == "transfer-encoding" || name == "connection" || name == "key")
      continue;
    header(name, percent_decoded(one.substr(equals + 1)));
  }
}

// False where the request cannot be read in one way only.
bool HttpSession::header(std::string_view name, std::string_view value) {
  const std::string key = lowered(name);
  Message& to = request_.envelope;
  if (key == "content-length") {
    uint64_t length = 0;
    if (!number(value, 10, length) || (has_length_ && length != left_)) return false;
    has_length_ = true;
    left_ = length;
  } else if (key == "transfer-encoding") {
    if (!equal_caseless(value, "chunked") || request_.dialect != Dialect::kHttp || chunked_)
      return false;
    chunked_ = true;
  } else if (key == "key" && limits_.keys && !sealed_by_ && request_.dialect == Dialect::kHttp) {
    if (!key_.empty() || value.empty()) return false;
    key_ = value;
  } else if (key == "expect") {
    // RFC 9110 10.1.1: an HTTP/1.0 client knows no interim answers.
    expects_continue_ = http11_ && equal_caseless(value, "100-continue");
  } else if (key == "connection") {
    const std::string option = lowered(value);
    if (request_.dialect == Dialect::kHttp)
      request_.keep_alive = option.find("close") == std::string::npos &&
                            (request_.keep_alive || option.find("keep-alive") != std::string::npos);
  } else if (key == "compression" || key == "content-encoding") {
    // Unlike `Compression`, which is Rspamd's own, `Content-Encoding` may be what a proxy says.
    const bool zstd = equal_caseless(value, "zstd") || equal_caseless(value, "zstandard");
    request_.zstd_body = request_.zstd_body || zstd;
    request_.unknown_compression = request_.unknown_compression || (!zstd && key == "compression");
  } else if (key == "compress" && request_.dialect == Dialect::kSpamc) {
    (equal_caseless(value, "zlib") ? request_.zlib_body : request_.unknown_compression) = true;
  } else if (key == "from") {
    to.from = envelope_address(value);
  } else if (key == "rcpt") {
    to.recipients_known = true;
    while (!value.empty() && to.recipients.size() < kRecipientsMax)
      if (const std::string_view one = trimmed(take_address(value), " \t"); !one.empty())
        to.recipients.push_back(envelope_address(one));
  } else if (key == "ip") {
    // Some clients give the port, too.
    const size_t colon = value.find(':');
    const bool has_port = colon != std::string_view::npos && colon == value.rfind(':');
    if (const std::optional<IpAddress> ip = parse_ip(has_port ? value.substr(0, colon) : value))
      to.ip = *ip;
  } else if (key == "helo") {
    to.helo = value;
  } else if (key == "hostname") {
    to.hostname = value;
    note_nameless(to);
  } else if (key == "user") {
    if (request_.dialect != Dialect::kSpamc) to.user = value;  // there it is a local account
  } else if (key == "queue-id") {
    to.queue_id = value;
  } else if (key == "settings-id") {
    to.settings_id = value;
  } else if (key == "mta-name") {
    to.mta_name = value;
  } else if (key == "mta-tag") {
    if (to.mta_name.empty()) to.mta_name = value;
  } else if (key == "password") {
    if (!request_.password.empty() && request_.password != value) return false;
    request_.password = value;
  } else if (key == "x-forwarded-for") {
    add_hops(request_.forwarded_for, value);
  } else if (key == "x-real-ip") {
    request_.real_ip = value;
  } else if (key == "accept-encoding") {
    request_.zstd_reply = request_.zstd_reply || accepts(value, "zstd");
  } else if (key == "pass") {
    to.pass_all = to.pass_all || equal_caseless(value, "all");
  } else if (key == "raw") {
    to.headerless = equal_caseless(value, "yes");
  } else if (key == "flags") {
    flags(value);
  } else if (key == "log") {
    request_.no_log = request_.no_log || equal_caseless(value, "no");
  } else if (key == "file" || key == "path" || key == "shm") {
    request_.body_elsewhere = true;
  } else if (key == "url-format") {
    request_.extended_urls = request_.extended_urls || equal_caseless(value, "extended");
  } else if (key == "filename") {
    to.file_name = value;
  } else if (key != "deliver-to" && key != "user-agent") {
    ++request_.other_headers;
    to.request_headers.emplace_back(key, value);
    return true;
  }
  if (std::ranges::find(kKeptHeaders, key) != std::end(kKeptHeaders))
    to.request_headers.emplace_back(key, without_brackets(value));
  return true;
}

// Names between commas; those that nobody knows are counted as one header more.
void HttpSession::flags(std::string_view list) {
  bool unknown = false;
  while (!list.empty()) {
    const std::string_view cut = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), cut.size() + 1));
    const std::string name = lowered(trimmed(cut, " \t"));
    const auto found = std::ranges::find(kFlagNames, name, &FlagName::name);
    if (found == std::end(kFlagNames))
      unknown = unknown || !name.empty();
    else if (found->member)
      request_.*found->member = true;
    else if (name == "pass_all")
      request_.envelope.pass_all = true;
  }
  request_.other_headers += unknown;
}

// The request is whole.
SessionWant HttpSession::complete(std::string& out) {
  state_ = State::kHead;
  searched_ = 0;
  more_ = true;
  if (!key_.empty()) return open(out);
  if (request_.unknown_compression && !body_.empty())
    return refuse(503, "Invalid compression method", out);
  // Scanned as empty the message would pass unseen.
  if (request_.body_elsewhere && request_.dialect == Dialect::kHttp && is_scan(request_.command))
    return refuse(503, "File, Path and Shm are not taken: the message belongs into the body", out);
  request_.packed = (request_.zstd_body || request_.zlib_body) && !body_.empty() &&
                    takes_message(request_.command);
  if (!request_.packed) return judge(out);
  if (!request_.zlib_body && zstd_size(body_).value_or(0) > limits_.body_max)
    return refuse(503, "Decompression error: message is too large", out);
  return SessionWant::kPage;
}

// What becomes of a request whose body is as the client has it.
SessionWant HttpSession::judge(std::string& out) {
  switch (request_.command) {
    case HttpCommand::kNone:
      render_error(request_, 500, "invalid command", out);
      refusal_ = {"invalid command", request_.envelope.queue_id};
      done();
      return request_.keep_alive ? SessionWant::kBytes : SessionWant::kClose;
    case HttpCommand::kPing:
      render_ping(request_, out);
      done();
      return request_.keep_alive ? SessionWant::kBytes : SessionWant::kClose;
    case HttpCommand::kCheckV2:
    case HttpCommand::kCheck:
    case HttpCommand::kSymbols:
    case HttpCommand::kProcess:
    case HttpCommand::kHeaders:
    case HttpCommand::kReport:
    case HttpCommand::kReportIfSpam:
      request_.unscanned = request_.dialect == Dialect::kHttp && (body_.empty() || request_.skip);
      if (request_.unscanned) body_.clear();
      request_.envelope.wants_links = request_.dialect == Dialect::kHttp;
      return limits_.controller || request_.unscanned ? SessionWant::kPage : SessionWant::kVerdict;
    case HttpCommand::kLearnSpam:
    case HttpCommand::kLearnHam:
    case HttpCommand::kLearnClass:
    case HttpCommand::kTell:
      request_.unscanned = body_.empty();
      return SessionWant::kPage;
    default:
      return SessionWant::kPage;
  }
}

PackedBody HttpSession::take_packed() {
  return {std::exchange(body_, {}), request_.zlib_body, limits_.body_max};
}

void HttpSession::unpacked(std::string&& body) {
  body_ = std::move(body);
  request_.packed = false;
  std::string nothing;  // a command that takes a message says nothing here
  judge(nothing);
}

void HttpSession::refuse_packed(std::string_view what, std::string& out) {
  request_.packed = false;
  refuse(503, fmt::format("Decompression error: {}", what), out);
  refusal_.why = "Decompression error";
}

// What a sealed request holds is the request; its own head is forgotten.
SessionWant HttpSession::open(std::string& out) {
  const std::optional<SharedKey> key = key_of_request(*limits_.keys, key_);
  if (!key) return refuse(400, "the request is encrypted for another key pair", out);
  if (!open_sealed(*key, body_)) return refuse(400, "the request cannot be decrypted", out);
  HttpSession inner(limits_, *key);
  std::string said;
  SessionWant want = inner.feed(body_, said);
  if (want == SessionWant::kBytes)
    want = inner.refuse(400, "what was encrypted is half a request", said);
  else if (want != SessionWant::kClose && !inner.buffer_.empty())
    want = inner.refuse(400, "more than a request was encrypted", said);
  out += said;
  refusal_ = inner.take_refusal();
  // A proxy in front sees the outer head alone, and speaks for who is behind it.
  if (request_.forwarded_for) add_hops(inner.request_.forwarded_for, *request_.forwarded_for);
  if (request_.real_ip) inner.request_.real_ip = request_.real_ip;
  request_ = std::move(inner.request_);
  body_ = std::move(inner.body_);
  return want;
}

// What cannot be understood ends the connection: nothing that follows could be trusted.
SessionWant HttpSession::refuse(int code, std::string_view what, std::string& out) {
  request_.keep_alive = false;
  refusal_ = {what, request_.envelope.queue_id};
  render_error(request_, code, what, out);
  return SessionWant::kClose;
}

// The request was answered: nothing of it is held.
void HttpSession::done() {
  HttpRequest left;
  left.dialect = request_.dialect;
  left.keep_alive = request_.keep_alive;
  request_ = std::move(left);
  body_ = {};
  head_bytes_ = 0;
}

// A sealed body holds the head of its request as well.
size_t HttpSession::body_limit() const {
  return limits_.body_max + (key_.empty() ? 0 : limits_.head_max + kNonceBytes + kTagBytes);
}

Message HttpSession::take_message() {
  head_bytes_ = 0;
  Message message = std::move(request_.envelope);
  request_.envelope.queue_id = message.queue_id;  // for the log, should there be no room
  message.bytes = MessageBytes::of(std::exchange(body_, {}));
  return message;
}

size_t unpacked_size(const PackedBody& body) {
  if (body.zlib) return body.max;
  return static_cast<size_t>(
      std::min<uint64_t>(zstd_size(body.bytes).value_or(body.max), body.max));
}

bool unpack(const PackedBody& body, std::string& out, std::string& what) {
  return body.zlib ? unpack_zlib(body.bytes, body.max, out, what)
                   : unpack_zstd(body.bytes, body.max, out, what);
}

bool unpack_zstd(std::string_view packed, size_t max, std::string& out, std::string& what) {
  if (const std::optional<uint64_t> size = zstd_size(packed)) {
    if (*size > max) {
      what = "message is too large";
      return false;
    }
    out.reserve(out.size() + *size + Batch::kPadding);
  }
  ZSTD_DStream* const stream = ZSTD_createDStream();
  ZSTD_DCtx_setParameter(stream, ZSTD_d_windowLogMax, 27);
  ZSTD_inBuffer in{packed.data(), packed.size(), 0};
  size_t left = 1;
  while (in.pos < in.size || left != 0) {
    const size_t before = out.size();
    const size_t piece = std::min<size_t>(max + 1 - before, 256 * 1024);
    out.resize(before + piece);
    ZSTD_outBuffer to{out.data() + before, piece, 0};
    const size_t read_before = in.pos;
    left = ZSTD_decompressStream(stream, &to, &in);
    out.resize(before + to.pos);
    if (ZSTD_isError(left)) {
      what = ZSTD_getErrorName(left);
      break;
    }
    if (out.size() > max) {
      what = "message is too large";
      break;
    }
    if (to.pos == 0 && in.pos == read_before) {
      what = "the data ends early";
      break;
    }
  }
  ZSTD_freeDStream(stream);
  return what.empty();
}

bool unpack_zlib(std::string_view packed, size_t max, std::string& out, std::string& what) {
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) {
    what = "there is no memory";
    return false;
  }
  stream.next_in = reinterpret_cast<const Bytef*>(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  for (int left = Z_OK; left != Z_STREAM_END && what.empty();) {
    const size_t before = out.size();
    const size_t piece = std::min<size_t>(max + 1 - before, 256 * 1024);
    out.resize(before + piece);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    stream.avail_out = static_cast<uInt>(piece);
    left = inflate(&stream, Z_NO_FLUSH);
    out.resize(before + piece - stream.avail_out);
    if (out.size() > max)
      what = "message is too large";
    else if (left == Z_BUF_ERROR || (left == Z_OK && stream.avail_in == 0 && stream.avail_out > 0))
      what = "the data ends early";
    else if (left != Z_OK && left != Z_STREAM_END)
      what = stream.msg ? stream.msg : "not in zlib's format";
  }
  inflateEnd(&stream);
  return what.empty();
}

}  // namespace winnow
